"""`tunebook verify`: what of a run's receipt no longer holds."""

import sys
import tempfile
from functools import partial
from pathlib import Path

import click

from webapp.commands.analyzing import analyzed
from webapp.commands.arguments import AS_JSON, DATA, MAP
from webapp.console import print_json, show_checks
from webapp.datasets import Examples, ExampleWriter


@click.command()
@click.argument("receipt", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@DATA
@MAP
@AS_JSON
def verify(receipt: Path, data: Path, mapping: dict[str, str], as_json: bool) -> None:
    """Say line by line whether RECEIPT, the receipt.json of a run, still matches DATA and this machine.

    Exit status 1 when rows, split, parameters or chat template differ; other versions are told, and are no failure.
    """
    from webapp.hub import cached_template
    from webapp.notebooks.verification import mismatches, read_receipt, verify_receipt
    from webapp.settings import Settings

    known = read_receipt(receipt)
    with tempfile.TemporaryDirectory() as scratch:
        with ExampleWriter(Path(scratch)) as sink:
            analysis = analyzed(data, mapping=mapping, sink=sink)
        find_template = partial(cached_template, settings=Settings())
        checks = verify_receipt(known, analysis, Examples(Path(scratch)), find_template)
    broken = mismatches(checks)
    answer = {"matches": not broken, "checks": [item.to_dict() for item in checks]}
    print_json(answer) if as_json else show_checks(answer)
    if broken:
        sys.exit(1)
