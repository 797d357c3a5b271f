"""`tunebook recommend`: which models suit a file of rows, and whether to fine-tune at all."""

import re
from pathlib import Path
from typing import get_args

import click

from webapp.catalog import Gating, Method
from webapp.commands.analyzing import kept
from webapp.commands.arguments import AS_JSON, DATA, MAP, PRESET
from webapp.console import print_json, show_recommendation


def _codes(_context: click.Context, _option: click.Parameter, languages: tuple[str, ...]) -> tuple[str, ...]:
    """The languages, each a code: a name would be that of no language of the data, and then none would count."""
    for language in languages:
        if not re.fullmatch("[a-z]{2,3}", language):
            raise click.BadParameter(f"{language!r} is no code of a language; write it as the report does, such as en.")
    return languages


@click.command()
@DATA
@MAP
@click.option("--task", required=True, help="What the model shall do, for instance conversation or extraction.")
@click.option("--target", required=True, help="Where it shall run: cloud, server, desktop, edge, mobile, browser.")
@click.option("--gpu", default="t4", show_default=True, help="The card to train on.")
@click.option(
    "--gated",
    type=click.Choice(get_args(Gating)),
    default="last",
    show_default=True,
    help="Models whose licence has to be accepted first: after all others, by their score, or not at all.",
)
@click.option(
    "--method",
    type=click.Choice(get_args(Method)),
    help="How to train; by default LoRA where it fits, else QLoRA.",
)
@click.option(
    "--language",
    "languages",
    multiple=True,
    callback=_codes,
    metavar="CODE",
    help="A language of the data that counts, by its code in the report (en); by default all do.",
)
@PRESET
@AS_JSON
def recommend(
    data: Path,
    mapping: dict[str, str],
    task: str,
    target: str,
    gpu: str,
    gated: str,
    method: str | None,
    languages: tuple[str, ...],
    preset: str,
    as_json: bool,
) -> None:
    """Recommend base models for DATA that fit the task, the target and the card; say whether to fine-tune at all."""
    from webapp.baselines import gate
    from webapp.catalog import find_gpu, models, resolve_target, resolve_task, token_rates
    from webapp.catalog import recommend as recommend_models
    from webapp.catalog.held_out import held_out_share
    from webapp.datasets import OpenAITokenizer
    from webapp.hub import cached_tokenizers
    from webapp.notebooks import TrainingConfig
    from webapp.settings import Settings

    resolve_task(task), resolve_target(target), find_gpu(gpu)  # before the work, not after it
    with kept(data, mapping=mapping) as (analysis, examples):
        rates = token_rates(examples, OpenAITokenizer(), cached_tokenizers(models(), Settings()))
        answer = recommend_models(
            analysis, task, target, gpu, method, gated=gated, preset=preset, languages=languages, rates=rates
        ).to_dict()
        answer["gate"] = gate(examples, held_out_share(len(examples)), TrainingConfig().seed).to_dict()
    print_json(answer) if as_json else show_recommendation(answer)
