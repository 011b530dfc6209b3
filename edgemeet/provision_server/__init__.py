"""The provisioning server: enrols devices, and tells each its token and its meeting."""
