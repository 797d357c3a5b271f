"""What several tests of this folder begin with."""

import pytest

from webapp.workflow import joining


@pytest.fixture
def meanwhile(monkeypatch):
    """Has something done when the parts of a file have been copied, before they are a dataset."""

    def arrange(do):
        taken = joining._taken

        def taking(*arguments):
            yield from taken(*arguments)
            do()

        monkeypatch.setattr(joining, "_taken", taking)

    return arrange
