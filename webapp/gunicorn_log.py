"""gunicorn's own lines, in the form of all others; its parent process imports this too, so it stays light."""

from typing import Any

from gunicorn.glogging import Logger

from webapp.logs import formatter


class OneFormLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Writes what gunicorn says of itself as this app writes its log."""

    def setup(self, cfg: Any) -> None:
        """As gunicorn's, with another form."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(formatter())
