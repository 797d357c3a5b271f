"""The analysis of a dataset with the numbers a test cares about."""

from collections.abc import Callable

import pytest

from webapp.datasets import Analysis


@pytest.fixture(scope="session")
def analysis() -> Callable[..., Analysis]:
    """`analysis(total_examples=..., p99=..., tool_call_share=...)`, everything else plain."""

    def make(total_examples: int = 240, p99: int = 400, **characteristics: float) -> Analysis:
        return Analysis.from_dict(
            {
                "total_examples": total_examples,
                "total_tokens": total_examples * p99 // 2,
                "avg_tokens_per_example": p99 / 2,
                "quality_score": 0.9,
                "quality_issues": [],
                "format_valid": True,
                "format": "openai_messages",
                "source": {
                    "container": "jsonl",
                    "compression": None,
                    "unit": "line",
                    "confidence": 1.0,
                    "mapping": {"messages": "messages"},
                    "rows_looked_at": 200,
                },
                "sha256": "0" * 64,
                "invalid_lines": {"count": 0, "items": []},
                "tokens": {
                    "tokenizer": "o200k_base",
                    "exact": False,
                    "note": "",
                    "total": total_examples * p99 // 2,
                    "trained": total_examples * p99 // 4,
                    "per_example": {"p50": p99 // 2, "p95": p99 * 9 // 10, "p99": p99, "max": p99 * 2},
                    "histogram": [],
                    "by_role": {},
                    "spot_check": None,
                },
                "quality": {"parts": []},
                "duplicates": {"count": 0, "exact": 0, "near": 0, "examples": [], "groups": []},
                "conflicts": {"count": 0, "group_count": 0, "groups": []},
                "leakage": None,
                "truncation": [],
                "task_guess": {"task": "instruction_following", "confidence": 1.0, "reasons": []},
                "distribution": {
                    "roles": {"user": total_examples, "assistant": total_examples},
                    "avg_message_length": 200.0,
                    "token_distribution": {},
                    "has_system_prompts": True,
                    "multi_turn_percentage": 0.0,
                },
                "characteristics": {
                    "turns_avg": 1.0,
                    "system_prompt_share": 0.5,
                    "question_share": 0.0,
                    "json_answer_share": 0.2,
                    "tool_call_share": 0.0,
                    "answer_chars_p50": 100,
                    "distinct_answers": total_examples,
                    "non_ascii_share": 0.0,
                }
                | characteristics,
                "privacy": {"kinds": {}},
                "languages": {"sampled": total_examples, "shares": {"en": 1.0}},
            }
        )

    return make
