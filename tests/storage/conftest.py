"""A store of one's own for each test."""

import pytest

from webapp.storage import Database


@pytest.fixture
def url(database_url):
    return database_url


@pytest.fixture
def db(url):
    made = Database(url)
    yield made
    made.close()
