"""gunicorn's worker with threads, which ends the open streams first when it is told to stop; and its log in our form.

Also gunicorn's parent process imports this, so it stays light.
"""

from types import FrameType
from typing import Any

from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from webapp.logs import formatter


class StreamingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A stream that nobody ends would hold its thread, and the stop, until gunicorn's patience is over."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM."""
        self._end_streams()
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """SIGINT and SIGQUIT."""
        self._end_streams()
        super().handle_quit(sig, frame)

    def _end_streams(self) -> None:
        from webapp.api.context import EXTENSION

        app = getattr(self, "wsgi", None)  # none yet while the worker starts
        if app is not None:
            app.extensions[EXTENSION].tailer.stop()


class OneFormLogger(Logger):  # type: ignore[misc]
    """Writes gunicorn's own lines in the form of all others."""

    def setup(self, cfg: Any) -> None:
        """As gunicorn's, with another form."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(formatter())
