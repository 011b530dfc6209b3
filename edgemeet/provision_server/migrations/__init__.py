"""The schema's history, for alembic. A test compares its end with `tables`."""
