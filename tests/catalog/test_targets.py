"""Deployment targets are about bytes: of a download, or of memory with the conversations that run at once."""

import pytest

from webapp.catalog import TARGETS, deployed_gib, find_model, models, resolve_target
from webapp.catalog.targets import attention_layers, cache_gib, weights_gib
from webapp.errors import Problem


def test_the_targets_from_roomy_to_tight() -> None:
    assert list(TARGETS) == ["cloud", "server", "desktop", "edge", "mobile", "browser"]
    limits = [target.limit_gib for target in TARGETS.values()]
    assert limits == sorted(limits, reverse=True)
    assert [target.bits for target in TARGETS.values()] == [16, 16, 4, 4, 4, 4]
    assert [name for name, target in TARGETS.items() if target.counts == "download"] == ["mobile", "browser"]


def test_sixteen_bit_weights_are_two_bytes_a_parameter() -> None:
    assert weights_gib(find_model("qwen3-8b"), 16) == pytest.approx(15.26, abs=0.01)


def test_quantised_weights_keep_their_embedding_at_eight_bits() -> None:
    """Gemma 3 270M is 63 % embedding: 4 bits would make 0.14 GiB of it."""
    expected = (167_772_160 * 8.5 + 100_326_016 * 4.5) / 8 / 2**30
    assert weights_gib(find_model("gemma-3-270m"), 4) == pytest.approx(expected)


def test_a_cache_holds_keys_and_values_of_every_layer_in_16_bits() -> None:
    """Qwen3 8B: 36 layers x 8 heads x 128 x 2 x 2 bytes are 144 KiB a token."""
    assert cache_gib(find_model("qwen3-8b"), 1024) == pytest.approx(144 * 1024 * 1024 / 2**30)


def test_a_hybrid_keeps_them_for_its_attention_only() -> None:
    assert attention_layers(find_model("lfm2.5-1.2b")) == 6
    assert attention_layers(find_model("qwen3.5-4b")) == 8
    assert attention_layers(find_model("qwen3-8b")) == 36


def test_memory_counts_the_conversations_at_once_and_a_download_none() -> None:
    model = find_model("qwen3-4b")
    for name, conversations in (("cloud", 16), ("server", 4), ("desktop", 1), ("edge", 1)):
        target = TARGETS[name]
        expected = weights_gib(model, target.bits) + conversations * cache_gib(model, 2000)
        assert deployed_gib(model, target, 2000) == pytest.approx(expected)
    for name in ("mobile", "browser"):
        assert deployed_gib(model, TARGETS[name], 2000) == weights_gib(model, 4)


def test_a_conversation_is_never_longer_than_the_context() -> None:
    model = find_model("smollm2-360m")
    assert deployed_gib(model, TARGETS["cloud"], 10**9) == deployed_gib(model, TARGETS["cloud"], model.context_length)


def test_every_model_fits_the_cloud_and_some_models_do_not_fit_a_browser() -> None:
    for model in models():
        assert deployed_gib(model, TARGETS["cloud"], 1000) < TARGETS["cloud"].limit_gib
    too_large = {m.id for m in models() if deployed_gib(m, TARGETS["browser"], 1000) > TARGETS["browser"].limit_gib}
    assert {"qwen3-8b", "qwen3-4b", "phi-4-mini"} <= too_large
    assert not {"qwen3-1.7b", "smollm2-1.7b"} & too_large


def test_an_unknown_target_names_the_field() -> None:
    with pytest.raises(Problem) as caught:
        resolve_target("brwoser")
    assert (caught.value.code, caught.value.param) == ("unknown_target", "deployment_target")
    assert "browser" in caught.value.message
