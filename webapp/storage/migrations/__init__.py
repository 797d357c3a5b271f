"""Alembic migrations; each file in versions/ is one step from the tables of one release to the next."""
