"""A database of one's own for each test, on each kind of database."""

import pytest

from webapp.storage import Database


@pytest.fixture
def db(database_url):
    made = Database(database_url)
    yield made
    made.close()
