"""A dataset in numbers, and what becomes of its token counts with another tokenizer."""

from typing import Any

import msgspec
import pytest

from webapp.catalog import Profile, TokenRates, find_model


def test_fifteen_percent_and_64_are_added_for_other_tokenizers_and_the_template(analysis: Any) -> None:
    assert Profile.of(analysis(p99=706)).needed_tokens() == 812 + 64


def test_a_count_by_the_models_own_tokenizer_needs_no_margin(analysis: Any) -> None:
    estimate = analysis(p99=706)
    exact = msgspec.structs.replace(estimate, tokens=msgspec.structs.replace(estimate.tokens, exact=True))
    assert Profile.of(exact).needed_tokens() == 706 + 64


def test_where_the_rate_of_a_models_tokenizer_is_known_it_takes_the_place_of_the_margin(analysis: Any) -> None:
    qwen, other = find_model("qwen3-1.7b"), find_model("smollm2-360m")
    profile = Profile.of(analysis(p99=1000), TokenRates(1.5, {qwen.id: 1.8}))
    assert profile.needed_tokens(qwen) == 1200 + 64
    assert profile.needed_tokens(other) == 1150 + 64
    assert profile.total_tokens(qwen) == round(profile.tokens * 1.2) + 5 * 2 * profile.examples


def test_a_template_takes_tokens_for_every_message_and_long_conversations_have_more(analysis: Any) -> None:
    data = analysis(p99=1000)
    many = msgspec.structs.replace(data.distribution, roles={"user": 10 * 240, "assistant": 10 * 240})
    profile = Profile.of(msgspec.structs.replace(data, distribution=many))
    assert profile.needed_tokens() == 1150 + 5 * 20 * 2


@pytest.mark.parametrize(("percentile", "counted"), [("p95", 900), ("p99", 1000), ("longest", 2000)])
def test_every_percentile_can_be_asked_for(analysis: Any, percentile: str, counted: int) -> None:
    assert Profile.of(analysis(p99=1000)).needed_tokens(percentile=percentile) == round(counted * 1.15) + 64
