"""Colab's runtime, which only pretends here, and what a person shares with it."""

import sys
from types import ModuleType

import pytest

from webapp.training.runtime import shared_secret


class SecretNotFoundError(Exception):
    """As google.colab.userdata's."""


class NotebookAccessError(Exception):
    """As google.colab.userdata's."""


@pytest.fixture
def colab(monkeypatch):
    def with_secret(answer):
        def get(name):
            assert name == "HF_TOKEN"
            if isinstance(answer, Exception):
                raise answer
            return answer

        userdata = ModuleType("google.colab.userdata")
        userdata.get, userdata.SecretNotFoundError, userdata.NotebookAccessError = (
            get, SecretNotFoundError, NotebookAccessError,
        )  # fmt: skip
        package = ModuleType("google.colab")
        package.userdata = userdata
        monkeypatch.setitem(sys.modules, "google.colab", package)
        monkeypatch.setitem(sys.modules, "google.colab.userdata", userdata)

    return with_secret


@pytest.fixture(autouse=True)
def no_token(monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)


def test_the_environment_comes_before_colabs_secrets(monkeypatch, colab):
    colab("from-secrets")
    assert shared_secret("HF_TOKEN") == "from-secrets"
    monkeypatch.setenv("HF_TOKEN", "from-environment")
    assert shared_secret("HF_TOKEN") == "from-environment"


@pytest.mark.parametrize("error", [SecretNotFoundError(), NotebookAccessError()])
def test_a_secret_that_is_missing_or_not_shared_is_none(colab, error):
    colab(error)
    assert not shared_secret("HF_TOKEN")


def test_away_from_colab_only_the_environment_is_asked(monkeypatch):
    assert shared_secret("HF_TOKEN") is None
    monkeypatch.setenv("HF_TOKEN", "x")
    assert shared_secret("HF_TOKEN") == "x"
