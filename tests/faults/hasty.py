"""The server's worker with little patience, so that tests need not wait for a minute."""

from webapp.gunicorn_worker import StreamingWorker


class HastyWorker(StreamingWorker):
    """Everything that is slow is told so within a second or two."""

    head_seconds = 1.0
    body_seconds = (2.0, 1.0, 1.0)
    answer_seconds = (2.0, 1.0, 0.5)


class PatientWorker(StreamingWorker):
    """Nobody is given up while a test lasts."""

    head_seconds = 60.0
    body_seconds = (60.0, 60.0, 60.0)
