"""`tunebook accounts`: the accounts of TUNEBOOK_AUTH=local, for whoever runs the app."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import click

from webapp.commands.arguments import AS_JSON
from webapp.console import print_json

if TYPE_CHECKING:
    from webapp.accounts import Caller
    from webapp.storage import Database

EMAIL = click.argument("email")
TIER = click.Choice(["free", "pro"])
PASSWORD = click.option(
    "--password-stdin", "from_stdin", is_flag=True, help="Read the password from stdin instead of asking for it."
)


@click.group()
def accounts() -> None:
    """Make, list, change and remove the accounts that are kept here (TUNEBOOK_AUTH=local)."""


@accounts.command()
@EMAIL
@click.option("--name", default="", help="Whose it is, as people read it.")
@click.option("--tier", type=TIER, default="free", show_default=True, help="How many requests a minute they have.")
@PASSWORD
def add(email: str, name: str, tier: Literal["free", "pro"], from_stdin: bool) -> None:
    """Make an account; works while registration is closed, too."""
    from webapp.accounts import directory

    with _database() as db:
        made = directory.add_account(db, email, _password(from_stdin), name, tier)
    click.echo(f"made: {made.email} ({made.tier})")


@accounts.command("list")
@AS_JSON
def list_all(as_json: bool) -> None:
    """List the accounts, by email address."""
    from webapp.accounts import directory

    with _database() as db:
        found = directory.list_accounts(db)
    if as_json:
        fields = ("id", "email", "name", "tier")
        print_json(
            [
                {name: getattr(item, name) for name in fields} | {"created_at": item.created_at.isoformat()}
                for item in found
            ]
        )
        return
    for item in found:
        click.echo(f"{item.email}  {item.tier}  {item.created_at:%Y-%m-%d}  {item.name}".rstrip())


@accounts.command()
@EMAIL
@click.argument("tier", type=TIER)
def tier(email: str, tier: Literal["free", "pro"]) -> None:
    """Give an account, and its keys, another tier."""
    from webapp.accounts import directory

    with _database() as db:
        directory.set_tier(db, email, tier)
    click.echo(f"{email} is {tier} now")


@accounts.command()
@EMAIL
@PASSWORD
def password(email: str, from_stdin: bool) -> None:
    """Give an account another password, and end all its sign-ins; its API keys stay."""
    from webapp.accounts import directory

    with _database() as db:
        directory.set_password(db, email, _password(from_stdin))
    click.echo(f"{email} has a new password, and is signed out everywhere")


@accounts.command()
@EMAIL
@click.option("--with-data", is_flag=True, help="Delete its datasets too, with everything made of them.")
def remove(email: str, with_data: bool) -> None:
    """Remove an account, its sign-ins and its keys; refused while it has datasets, unless these are to go with it."""
    from webapp.accounts import directory

    with _database() as db:
        if with_data:
            _delete_data(directory.find_person(db, email))
        directory.remove_account(db, email)
    click.echo(f"removed: {email}")


@contextmanager
def _database() -> Iterator["Database"]:
    """The database that the settings name, with its tables up to date."""
    from webapp.settings import Settings
    from webapp.storage import Database

    db = Database(Settings().database)
    try:
        db.migrate()
        yield db
    finally:
        db.close()


def _delete_data(person: "Caller") -> None:
    """Deletes what a person owns, in the database and the store that the settings name, and says how much that was."""
    from webapp import workflow
    from webapp.settings import Settings

    services = workflow.open_services(Settings())
    try:
        data = workflow.delete_belongings(services, person).data
    finally:
        services.db.close()
    click.echo(
        f"deleted: {data.datasets} versions of datasets, {data.notebooks} notebooks, {data.jobs} jobs, "
        f"{data.uploads} uploads; {data.files} files of {data.bytes:,} bytes"
    )


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return asked
