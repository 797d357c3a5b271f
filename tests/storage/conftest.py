"""A store of one's own for each test."""

import pytest

from webapp.storage import Database


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'home' / 'tunebook.db'}"


@pytest.fixture
def db(url):
    database = Database(url)
    database.migrate()
    yield database
    database.close()
