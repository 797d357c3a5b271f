"""Deployment targets are about bytes: of 16-bit weights on GPUs, of quantised ones elsewhere."""

import pytest

from webapp.catalog import TARGETS, deployed_gib, find_model, models, resolve_target
from webapp.errors import Problem


def test_the_targets_from_roomy_to_tight() -> None:
    assert list(TARGETS) == ["cloud", "server", "desktop", "edge", "mobile", "browser"]
    limits = [target.limit_gib for target in TARGETS.values()]
    assert limits == sorted(limits, reverse=True)
    assert [target.bits for target in TARGETS.values()] == [16, 16, 4, 4, 4, 4]


def test_sixteen_bit_weights_are_two_bytes_a_parameter() -> None:
    assert deployed_gib(find_model("qwen3-8b"), TARGETS["cloud"]) == pytest.approx(15.26, abs=0.01)


def test_quantised_weights_keep_their_embedding_at_eight_bits() -> None:
    """Gemma 3 270M is 63 % embedding: 4 bits would make 0.14 GiB of it."""
    gemma = find_model("gemma-3-270m")
    expected = (167_772_160 * 8.5 + 100_326_016 * 4.5) / 8 / 2**30
    assert deployed_gib(gemma, TARGETS["mobile"]) == pytest.approx(expected)


def test_every_model_fits_some_target_and_some_models_do_not_fit_a_browser() -> None:
    for model in models():
        assert deployed_gib(model, TARGETS["cloud"]) < TARGETS["cloud"].limit_gib
    too_large = [m.id for m in models() if deployed_gib(m, TARGETS["browser"]) > TARGETS["browser"].limit_gib]
    assert {"qwen3-8b", "qwen3-4b", "phi-4-mini"} <= set(too_large)
    assert max(model.parameters for model in models() if model.id not in too_large) < 3.5e9


def test_an_unknown_target_names_the_field() -> None:
    with pytest.raises(Problem) as caught:
        resolve_target("brwoser")
    assert (caught.value.code, caught.value.param) == ("unknown_target", "deployment_target")
    assert "browser" in caught.value.message
