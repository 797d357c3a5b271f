"""The settings of a process: what the environment says wrongly is told by its name."""

import pytest

from webapp.errors import ENVIRONMENT_EXIT, Problem
from webapp.settings import Settings


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("TUNEBOOK_AUTH", "ldap", "'off', 'local' or 'supabase'"),
        ("TUNEBOOK_MAX_JOBS", "0", "greater than or equal to 1"),
        ("TUNEBOOK_CORS_ORIGINS", "*", "is no website"),
        ("TUNEBOOK_THREADS", "hunter2", "valid integer"),
    ],
)
def test_a_value_that_cannot_be_is_told_by_its_variable(monkeypatch, variable, value, said):
    monkeypatch.setenv(variable, value)
    with pytest.raises(Problem) as caught:
        Settings()
    assert (caught.value.code, caught.value.exit_code) == ("invalid_environment", ENVIRONMENT_EXIT)
    assert caught.value.message.startswith(f"{variable}: ")
    assert said in caught.value.message
    assert "hunter2" not in caught.value.message


def test_all_of_them_are_told_at_once(monkeypatch):
    monkeypatch.setenv("TUNEBOOK_MAX_JOBS", "0")
    monkeypatch.setenv("TUNEBOOK_REGISTRATION", "ajar")
    with pytest.raises(Problem, match=r"TUNEBOOK_REGISTRATION: .*; TUNEBOOK_MAX_JOBS: "):
        Settings()
