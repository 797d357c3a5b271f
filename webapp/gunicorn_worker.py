"""gunicorn's worker with threads, which ends the open streams first when it is told to stop.

Also gunicorn's parent process imports this, so it stays light.
"""

from types import FrameType

from gunicorn.workers.gthread import ThreadWorker


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
