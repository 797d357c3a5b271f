"""A server that is soon impatient."""

import pytest

from tests.faults.clients import gunicorn


@pytest.fixture
def hasty(tmp_path):
    """gunicorn alone, with a worker of little patience."""
    with gunicorn(tmp_path / "hasty") as server:
        yield server
