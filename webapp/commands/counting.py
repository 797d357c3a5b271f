"""The options of the command line that say which tokenizer counts."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click


def counting(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command with `model_id` the options, and hands it what they choose as `tokenizer`."""

    @click.option(
        "--tokenizer",
        "given",
        metavar="NAME|PATH",
        help="Count with o200k_base, cl100k_base, a tokenizer.json or the folder of one; by default with the model's "
        "own if it is in the hub cache, else with o200k_base.",
    )
    @click.option("--fetch-tokenizer", "fetch", is_flag=True, help="Get the model's own from the hub, and keep it.")
    @wraps(command)
    def choosing(*, given: str | None, fetch: bool, model_id: str | None, **rest: Any) -> None:
        from webapp.catalog import find_model
        from webapp.hub import choose_tokenizer
        from webapp.settings import Settings

        model = find_model(model_id) if model_id else None
        command(model_id=model_id, tokenizer=choose_tokenizer(given, model, Settings(), fetch=fetch), **rest)

    return choosing
