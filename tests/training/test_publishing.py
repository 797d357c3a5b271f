from types import SimpleNamespace

import pytest

from webapp.training.publishing import LEFT_OUT, publish


class Hub:
    """A stand-in for HfApi that remembers what it was asked."""

    def __init__(self, private=True):
        self.private, self.calls = private, []

    def create_repo(self, repo_id, *, private, exist_ok):
        self.calls.append(("create", repo_id, private, exist_ok))
        return f"https://hub.test/{repo_id}"

    def repo_info(self, repo_id):
        self.calls.append(("look", repo_id))
        return SimpleNamespace(private=self.private)

    def upload_folder(self, *, repo_id, folder_path, ignore_patterns):
        self.calls.append(("upload", repo_id, folder_path, ignore_patterns))


def test_the_repository_is_made_private_and_gets_the_folder(tmp_path):
    hub = Hub()
    assert publish(hub, tmp_path, "me/mine") == "https://hub.test/me/mine"
    assert hub.calls == [
        ("create", "me/mine", True, True),
        ("look", "me/mine"),
        ("upload", "me/mine", tmp_path, LEFT_OUT),
    ]


def test_nothing_goes_to_a_repository_that_is_public_already(tmp_path):
    hub = Hub(private=False)
    with pytest.raises(ValueError, match="is public"):
        publish(hub, tmp_path, "me/mine")
    assert [call[0] for call in hub.calls] == ["create", "look"]


def test_the_calls_are_those_of_huggingface_hub():
    from inspect import signature

    from huggingface_hub import HfApi

    for method, names in (
        (HfApi.create_repo, {"private", "exist_ok"}),
        (HfApi.upload_folder, {"repo_id", "folder_path", "ignore_patterns"}),
    ):
        assert names <= set(signature(method).parameters)
