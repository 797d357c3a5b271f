"""The `tunebook` command: each command is a few lines over the packages below, and loaded when it is called."""

import errno
import tempfile
from importlib import import_module
from typing import Any

import click

import webapp
from webapp.console import fault_line, show_what_cannot_be_written
from webapp.errors import ENVIRONMENT_EXIT, Problem

# The disk, not the program: full, at a limit, read-only, or failing.
_OF_THE_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}
# The module of `webapp.commands` that each is in.
COMMANDS = {
    "accounts": "accounts",
    "analyze": "analyzing",
    "estimate": "estimate",
    "export": "export",
    "fix": "fix",
    "models": "listing",
    "notebook": "writing",
    "recommend": "recommending",
    "run": "running",
    "serve": "serving",
    "verify": "verify",
    "worker": "serving",
}


class Commands(click.Group):
    """The commands by their names; a Problem, or a full disk, is one line on stderr and an exit status of its own."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """All names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, imported now: one needs not what another does."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"webapp.commands.{COMMANDS[cmd_name]}"), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except Problem as problem:
            click.echo(f"tunebook: {problem.message}", err=True)
            for item in problem.details.get("invalid_lines", {}).get("items", [])[:10]:
                click.echo(f"  {fault_line(item)}", err=True)
            for model in problem.details.get("excluded", []):
                click.echo(f"  {model['model_id']}: {model['reason']}", err=True)
            for command in problem.details.get("commands", []):
                click.echo(f"  {command}", err=True)
            ctx.exit(problem.exit_code)
        except OSError as error:
            if error.errno not in _OF_THE_MACHINE:
                raise
            click.echo(f"tunebook: {error.strerror}: {error.filename or _where_it_writes()}.", err=True)
            ctx.exit(ENVIRONMENT_EXIT)


def _where_it_writes() -> str:
    return f"the output, or the temporary files in {tempfile.gettempdir()} (TMPDIR names another folder)"


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(webapp.__version__, prog_name="tunebook")
def main() -> None:
    """A chat dataset in, a fine-tuning notebook that has already been run on your own rows out.

    Exit status: 0 done, 1 your data, 2 usage, 3 this machine.
    """
    show_what_cannot_be_written()


if __name__ == "__main__":
    main()
