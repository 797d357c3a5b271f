"""`tunebook fix`: the operations as options, the new file whole or not at all."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from webapp.commands.analyzing import analyzed
from webapp.commands.arguments import AS_JSON, DATA, FILE, MAP, output_file, same_file
from webapp.console import print_json, progress_bar, show_fix
from webapp.datasets import Analysis
from webapp.datasets.repair import (
    ROWS,
    VALIDATION,
    Dedupe,
    DropEmpty,
    DropInvalid,
    MergeTurns,
    NormaliseRoles,
    Operation,
    Plan,
    Redact,
    SplitLong,
    StripMarkers,
    Trim,
    ValidationSplit,
)
from webapp.datasets.repair import fix as fix_file
from webapp.errors import Problem


@click.command()
@DATA
@MAP
@click.option("-o", "--output", type=FILE, help="The JSONL file to write; not needed with --preview.")
@click.option("--strip-markers", is_flag=True, help="Take chat markers and byte order marks out of the texts.")
@click.option("--normalise-roles", is_flag=True, help="Write Human, gpt, bot and their kin as user and assistant.")
@click.option("--trim", is_flag=True, help="Trim white space at both ends of every message.")
@click.option("--merge-turns", is_flag=True, help="Join messages of one role that follow one another.")
@click.option("--redact", is_flag=True, help="Replace private data by placeholders such as [EMAIL_1].")
@click.option("--max-tokens", type=int, metavar="N", help="Split longer conversations at turn borders.")
@click.option("--drop-invalid", is_flag=True, help="Drop rows that are still invalid; without it they stay.")
@click.option("--drop-empty", is_flag=True, help="Drop rows of which every answer that counts is white space.")
@click.option("--dedupe", type=click.Choice(["exact", "near"]), help="Of rows that are alike keep only the first.")
@click.option("--keep", type=click.Choice(["first", "none"]), help="With --dedupe: which of rows alike to keep.")
@click.option("--validation-share", type=float, metavar="SHARE", help="Hold this share of the rows out.")
@click.option("--validation-output", type=FILE, help="With --validation-share: the JSONL file for the rows held out.")
@click.option("--seed", type=int, metavar="N", help="With --validation-share: which rows (42).")
@click.option("--preview", is_flag=True, help="Only say what would be done, row by row; write nothing.")
@AS_JSON
def fix(
    data: Path,
    mapping: dict[str, str],
    output: Path | None,
    validation_output: Path | None,
    preview: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Mend DATA and write it as JSONL messages: CLEAN.jsonl named by -o.

    The operations are done in the order in which they are listed here.
    """
    plan = Plan.from_data(msgspec.to_builtins(list(operations(options))))
    _require_outputs(plan, output, validation_output, preview)
    with tempfile.TemporaryDirectory() as scratch:
        before = _analysis(data, mapping)
        with progress_bar("fixing") as show:
            known: dict[str, Any] = {"mapping": mapping, "before": before}
            report, _ = fix_file(data, plan, Path(scratch), progress=lambda share: show(share, ""), **known)
        if not preview:
            _deliver(Path(scratch), {VALIDATION: validation_output, ROWS: output})
    answer = {"output": None if preview else str(output), "preview": preview, **msgspec.to_builtins(report)}
    print_json(answer) if as_json else show_fix(answer)


def operations(options: Mapping[str, Any]) -> Iterator[Operation]:
    """The operations that the options ask for; raises Problem `invalid_operation`."""
    for kind in (StripMarkers, NormaliseRoles, Trim, MergeTurns, Redact, DropInvalid, DropEmpty):
        if options[str(kind.__struct_config__.tag)]:
            yield kind()
    if options["max_tokens"] is not None:
        yield SplitLong(options["max_tokens"])
    if options["dedupe"]:
        yield Dedupe(options["dedupe"], options["keep"] or "first")
    elif options["keep"]:
        raise Problem("invalid_operation", "--keep says what --dedupe keeps: add --dedupe exact or near.", param="keep")
    if options["validation_share"] is not None:
        seed = {} if options["seed"] is None else {"seed": options["seed"]}
        yield ValidationSplit(options["validation_share"], **seed)
    elif options["seed"] is not None:
        raise Problem("invalid_operation", "--seed belongs to --validation-share.", param="seed")


def _require_outputs(plan: Plan, output: Path | None, validation_output: Path | None, preview: bool) -> None:
    """Every row that is not dropped needs a file to go to."""
    if bool(plan.get(ValidationSplit)) != bool(validation_output) and not (preview and not validation_output):
        message = "--validation-share and --validation-output go together."
        raise Problem("invalid_operation", message, param="validation-output")
    if not output and not preview:
        raise Problem("invalid_operation", "Name the file to write with -o, or add --preview.", param="output")
    if output and validation_output and same_file(output, validation_output):
        message = f"-o and --validation-output both name {output}: the rows held out need a file of their own."
        raise Problem("invalid_operation", message, param="validation-output")


def _analysis(data: Path, mapping: Mapping[str, str]) -> Analysis | None:
    """The analysis of the file, None when nothing in it is valid yet."""
    try:
        return analyzed(data, mapping=mapping)
    except Problem as problem:
        if problem.code != "no_valid_examples":
            raise
        return None


def _deliver(folder: Path, outputs: Mapping[str, Path | None]) -> None:
    """Copies the files that were made to where they are wanted."""
    for name, path in outputs.items():
        if path:
            with (folder / name).open("rb") as made, output_file(path) as file:
                shutil.copyfileobj(made, file)
