"""Answers are told piece by piece, and end when they are told to."""

import io
import json
import os
import subprocess
import sys
import threading

import pytest

from webapp.training.model import find_hardware, load_model, load_tokenizer
from webapp.training.pair import Pair
from webapp.training.saving import save_model
from webapp.training.writing import Asked, Speech, Writer, Written, serve

MESSAGES = [{"role": "user", "content": "where is the station"}]


@pytest.fixture(scope="module")
def writer(tmp_path_factory, miniature_of, llama):
    from tests.training.conftest import run_config

    config = run_config.__wrapped__()(miniature_of(llama))
    folder = tmp_path_factory.mktemp("run") / "model"
    save_model(load_model(config, find_hardware()), load_tokenizer(config), folder)
    return Writer(Pair(config, folder, find_hardware()))


def asked(number=1, **changes):
    return Asked(
        **{"prompt": number, "messages": MESSAGES, "temperature": 0.0, "max_new_tokens": 24, "seed": 0} | changes
    )


def test_the_pieces_are_the_answer(writer):
    pieces = []
    written = writer.answer(asked(), "tuned", pieces.append)
    assert "".join(pieces) == written.text
    assert len(pieces) > 3
    assert written.end in ("limit", "ended")
    assert 0 < written.tokens <= 24
    assert written.seconds > 0


def test_a_temperature_draws_the_same_for_the_same_seed(writer):
    first, again, other = (
        writer.answer(asked(temperature=1.5, seed=seed), "base", lambda _: None).text for seed in (1, 1, 2)
    )
    assert first == again != other


def test_an_answer_ends_where_it_is_stopped(writer):
    pieces = []
    written = writer.answer(asked(), "base", pieces.append, lambda: len(pieces) >= 2)
    assert written.end == "stopped"
    assert written.tokens < 24
    assert written.text == "".join(pieces)


def test_what_the_model_cannot_read_fails_this_answer_alone(writer):
    written = writer.answer(asked(max_new_tokens=10**9), "base", lambda _: None)
    assert (written.end, written.text) == ("failed", "")
    assert "but the model reads" in written.message


class Letters:
    """A tokenizer whose tokens are the bytes of a text."""

    def decode(self, ids, skip_special_tokens):  # noqa: ARG002
        return bytes(ids).decode("utf-8", "replace")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a b", ["a", " b"]),
        ("é!", ["é", "!"]),
        ("<think>\n\n</think>\n\nYes", ["Y", "e", "s"]),
        ("\n</think>\n\nYes", ["Y", "e", "s"]),  # begun in the prompt
        ("<think>So", ["<think>S", "o"]),
        ("</b>", ["</b", ">"]),
        ("<b>", ["<b", ">"]),
    ],
)
def test_text_is_told_once_it_cannot_change(text, told):
    import torch

    pieces = []
    speech = Speech(Letters(), [0], pieces.append)
    speech.put(torch.tensor([[1, 2, 3]]))
    for byte in text.encode():
        speech.put(torch.tensor([byte]))
    speech.end()
    assert pieces == told
    assert not speech.ended


class Echo:
    """Answers at once, but waits to be stopped where the prompt asks for it."""

    def answer(self, asked, side, tell, stopped):  # noqa: ARG002
        if asked.max_new_tokens == 1:
            assert until_stopped.wait(10)
            while not stopped():
                pass
            return Written("", 0, 0.0, "stopped")
        tell("Hello")
        return Written("Hello", 1, 0.5, "ended")


until_stopped = threading.Event()


def test_prompts_are_answered_in_their_order_and_stopped_at_once():
    heard = []

    def lines():
        for number, tokens in ((1, 1), (2, 5)):
            yield json.dumps({**vars(asked(number)), "max_new_tokens": tokens})
        until_stopped.set()
        yield json.dumps({"stop": 1})

    serve(Echo(), lines(), lambda kind, data: heard.append((kind, data["prompt"], data["side"])))
    assert heard == [
        ("writing", 1, "base"), ("answer", 1, "base"),
        ("writing", 1, "tuned"), ("answer", 1, "tuned"),
        ("writing", 2, "base"), ("piece", 2, "base"), ("answer", 2, "base"),
        ("writing", 2, "tuned"), ("piece", 2, "tuned"), ("answer", 2, "tuned"),
    ]  # fmt: skip


def test_nothing_is_written_for_a_prompt_that_was_stopped_before_its_turn(writer):
    assert writer.answer(asked(), "base", pytest.fail, lambda: True) == Written("", 0, 0.0, "stopped")
    serve(writer, io.StringIO(""), pytest.fail)


def test_in_a_process_of_its_own_it_says_when_it_is_ready_and_ends_with_its_input(miniature_of, llama, tmp_path):
    from tests.training.conftest import run_config

    config = run_config.__wrapped__()(miniature_of(llama), method="full")
    save_model(load_model(config, find_hardware()), load_tokenizer(config), tmp_path / "model")
    lines = [{"parameters": vars(config)}, vars(asked(7))]
    done = subprocess.run(
        [sys.executable, "-m", "webapp.training.writing", str(tmp_path / "model")],
        input="".join(json.dumps(line) + "\n" for line in lines),
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert told[0]["type"] == "ready"
    answers = [said for said in told if said["type"] == "answer"]
    assert [(said["prompt"], said["side"]) for said in answers] == [(7, "base"), (7, "tuned")]
    assert answers[0]["text"] == answers[1]["text"] != ""  # nothing was learnt
