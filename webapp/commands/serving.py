"""`tunebook serve` and `tunebook worker`: the processes of the app."""

import click


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="gunicorn processes.")
def serve(host: str, port: int, workers: int) -> None:
    """Start the app: the pages, the API, and the process that runs jobs."""
    from webapp.server import serve as serve_app
    from webapp.settings import Settings

    serve_app(Settings(), host, port, workers)


@click.command()
def worker() -> None:
    """Run jobs only, beside a `tunebook serve` on the same database and home."""
    from webapp.workflow.worker import main as work

    work()
