"""Keeps a Raspberry Pi in a VideoSDK meeting that nobody has to look after."""
