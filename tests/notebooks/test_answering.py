"""The process that holds both models: what it is started with, and what is said when it cannot be used."""

import json
import sys
from contextlib import contextmanager
from time import monotonic

import pytest

from tests.notebooks.specs import SMALL
from webapp.errors import Problem
from webapp.notebooks import answering, render
from webapp.notebooks.answering import Trained, answers

SCRIPT = """
import json, os, sys
asked = json.loads(sys.stdin.readline())
{body}
"""
TELL = "print(json.dumps({'type': 'ready', **%s}), flush=True)"


@pytest.fixture
def trained(tmp_path):
    notebook = tmp_path / "notebook.ipynb"
    notebook.write_bytes(render(SMALL))
    return Trained(tmp_path / "run", notebook, miniature=False)


@pytest.fixture
def playing(monkeypatch, trained):
    """The models, played by a few lines of Python."""

    @contextmanager
    def play(body, trained=trained):
        monkeypatch.setattr(answering, "COMMAND", (sys.executable, "-c", SCRIPT.format(body=body)))
        with answers(trained) as both:
            yield both

    return play


def first_news(both):
    deadline = monotonic() + 20
    while not (news := both.news(0.1)):
        assert monotonic() < deadline
    return news[0]


def test_it_is_told_the_parameters_of_the_notebook_and_knows_no_secret_and_no_network(playing, trained, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    keys = "{name: os.environ.get(name) for name in ('DATABASE_URL', 'HF_HUB_OFFLINE')}"
    with playing(TELL % f"{{'base': asked['parameters']['base_model'], 'folder': sys.argv[1], **{keys}}}") as both:
        news = first_news(both)
    assert news["base"] == "HuggingFaceTB/SmolLM2-360M-Instruct"
    assert news["folder"] == str(trained.workdir / "tunebook-run/model")
    assert (news["DATABASE_URL"], news["HF_HUB_OFFLINE"]) == (None, "1")


def test_a_dry_run_has_the_miniature_as_its_base_model(playing, trained):
    dry = Trained(trained.workdir, trained.notebook, miniature=True)
    with playing(TELL % "{'base': asked['parameters']['base_model']}", dry) as both:
        assert first_news(both)["base"] == str(trained.workdir / "miniature")


def test_messages_go_there_and_it_ends_with_the_block(playing):
    body = TELL % "{}" + "\nfor line in sys.stdin: print(json.dumps({'type': 'echo', **json.loads(line)}), flush=True)"
    with playing(body) as both:
        first_news(both)
        both.send({"stop": 7})
        assert first_news(both) == {"type": "echo", "stop": 7}
        assert both.news(0.01) == []
    assert both._process.returncode == 0


@pytest.mark.parametrize(("missing", "code"), [(True, "base_model_missing"), (False, "model_not_loaded")])
def test_models_that_cannot_be_loaded_are_a_problem(playing, missing, code):
    said = json.dumps({"type": "failed", "missing": missing, "message": "OSError: x"})
    with playing(f"print({said!r}, flush=True)") as both, pytest.raises(Problem) as caught:
        first_news(both)
    assert caught.value.code == code


def test_the_last_words_of_a_process_that_ends_are_kept(playing):
    with playing("sys.exit('no memory')") as both:
        with pytest.raises(Problem) as caught:
            first_news(both)
        both.send({"stop": 1})
    assert caught.value.details == {"exit_status": 1, "stderr": ["no memory"]}


def test_what_was_said_before_the_end_is_told_before_it(playing):
    with playing(TELL % "{}") as both:
        both._process.wait()
        assert first_news(both) == {"type": "ready"}
        with pytest.raises(Problem):
            first_news(both)
