"""Both sides answer as the before/after report has them answer."""

import pytest
import torch

from webapp.training import pair as pairs
from webapp.training.answering import answer_rows, end_tokens
from webapp.training.masking import Row, tokenizer_encode
from webapp.training.model import base_weights, find_hardware, load_model, load_tokenizer
from webapp.training.pair import Pair
from webapp.training.saving import save_model
from webapp.training.sides import SIDES
from webapp.training.turns import tokenizer_render


@pytest.fixture(scope="session")
def saved(tmp_path_factory, miniature_of, llama):
    """Saves what was "trained" by a method and answers its config, its folder, and both greedy answers to a prompt."""

    def make(config, messages):
        model, tokenizer = load_model(config, find_hardware()), load_tokenizer(config)
        render = tokenizer_render(tokenizer)
        ids = tokenizer_encode(tokenizer)(render(messages, None, True))
        row, ends = Row(0, 1, ids, len(ids), False), end_tokens(model, tokenizer, render)

        def answer():
            return answer_rows(model, tokenizer, [row], ends, 12, find_hardware())[0].text

        with base_weights(model):
            base = answer()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.requires_grad:
                    parameter += 0.3 * torch.randn_like(parameter)
        folder = tmp_path_factory.mktemp("model") / "model"
        save_model(model, tokenizer, folder)
        return folder, {"base": base, "tuned": answer()}

    return make


MESSAGES = [{"role": "user", "content": "where is the station"}]


def answers(pair):
    from webapp.training.writing import Asked, Writer

    writer = Writer(pair)
    asked = Asked(1, MESSAGES, 0.0, 12, 0)
    return {side: writer.answer(asked, side, lambda _: None).text for side in SIDES}


@pytest.mark.parametrize("method", ["lora", "full"])
def test_both_sides_answer_as_in_the_report(method, saved, run_config, miniature_of, llama):
    config = run_config(miniature_of(llama), method=method)
    folder, expected = saved(config, MESSAGES)
    assert expected["base"] != expected["tuned"]
    assert answers(Pair(config, folder, find_hardware())) == expected


def test_where_memory_has_no_room_for_two_whole_models_they_take_turns(
    saved, run_config, miniature_of, llama, monkeypatch
):
    config = run_config(miniature_of(llama), method="full")
    folder, expected = saved(config, MESSAGES)
    pair = Pair(config, folder, find_hardware())
    monkeypatch.setattr(pairs, "available_memory", lambda: 0)
    assert answers(pair) == expected
    assert list(pair._held) == ["tuned"]
    assert answers(pair) == expected


def test_a_base_model_that_is_not_here_is_an_error_of_the_system(saved, run_config, miniature_of, llama, tmp_path):
    folder, _ = saved(run_config(miniature_of(llama)), MESSAGES)
    with pytest.raises(OSError, match="gone"):
        Pair(run_config(tmp_path / "gone"), folder, find_hardware())
