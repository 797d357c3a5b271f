"""The executor `colab`: a machine of Google Colab, reached with Google's own command line."""

import os
from pathlib import Path

from webapp.errors import Problem
from webapp.jobs import google_credentials, scrubbed_environment
from webapp.jobs.executors.colab import ColabOrder, end_session, execute_on_colab
from webapp.jobs.executors.colab_tool import ColabTool
from webapp.notebooks.colab_commands import colab_commands_of
from webapp.notebooks.reading import read_notebook
from webapp.notebooks.results import EXECUTED, RESULTS
from webapp.notebooks.running import RunReport, Watch, forget_report, report_of, rows_to_send
from webapp.settings import Settings


class Colab:
    """Runs notebooks as the Google account that the tool is signed in with.

    Its sessions are kept apart from those that the person makes by hand, in a file of TUNEBOOK_HOME.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def run(self, notebook: Path, workdir: Path, watch: Watch, data_file: Path | None = None, /) -> RunReport:
        """Runs the notebook on the card that it asks Colab for; Problem `colab_...` when that could not begin."""
        contents = read_notebook(notebook)
        rows = rows_to_send(notebook, contents, data_file)
        try:
            tool = self._tool()
        except Problem as problem:
            by_hand = colab_commands_of(
                notebook.name, contents.colab_gpu, contents.parameters["method"], contents.data_file if rows else None
            )
            problem.details["commands"] = by_hand
            raise
        forget_report(workdir)
        order = ColabOrder(
            notebook,
            contents.colab_gpu,
            RESULTS,
            (rows, str(contents.data_file)) if rows else None,
            contents.parameters["keep_on_drive"],
        )
        done = execute_on_colab(
            order,
            tool,
            workdir=workdir,
            output=workdir / EXECUTED,
            timeout=watch.timeout,
            on_event=watch.on_event,
            cancelled=watch.cancelled,
            remote=watch.remote,
        )
        return report_of(done, workdir, contents.parameters)

    def end(self, name: str) -> bool:
        """Ends the session of that name; whether there was one."""
        return end_session(self._tool(), name)

    def _tool(self) -> ColabTool:
        sessions = self._settings.root / "colab" / "sessions.json"
        environment = scrubbed_environment(os.environ) | google_credentials(os.environ)
        return ColabTool(self._settings.colab_command, sessions, environment)
