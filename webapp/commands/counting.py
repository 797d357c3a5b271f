"""The options of the command line that say which tokenizer counts."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click


def counting(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command with `model_id` the options, and hands it the `chosen` model and the `tokenizer`."""

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
        from webapp.hub import choose_model_or_folder, choose_tokenizer
        from webapp.settings import Settings

        settings = Settings()
        chosen = choose_model_or_folder(model_id, settings) if model_id else None
        tokenizer = choose_tokenizer(given, chosen.model if chosen else None, settings, fetch=fetch)
        command(chosen=chosen, tokenizer=tokenizer, **rest)

    return choosing
