"""`tunebook models`: the base models of the catalogue."""

import click

from webapp.commands.arguments import AS_JSON
from webapp.console import print_json, show_models


@click.command()
@AS_JSON
def models(as_json: bool) -> None:
    """List the base models of the catalogue."""
    from webapp.catalog import models as catalogue

    listed = [model.to_dict() for model in catalogue()]
    print_json(listed) if as_json else show_models(listed)
