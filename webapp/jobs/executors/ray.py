"""Ray Jobs: work submitted to a cluster under a name of its own, followed by what it prints, ended and forgotten.

Everything goes through the cluster's dashboard, one address: the working folder there, the log and files back.
"""

import asyncio
import logging
import os
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from webapp.errors import Problem

MIB = 1024 * 1024
# Ray keeps what is sent in the memory of the cluster's head: https://docs.ray.io, "Remote URIs", says 100 MiB.
MOST_SENT = 100 * MIB
_STOP_SECONDS = 30.0
_POLL_SECONDS, _SETTLED_SECONDS = 0.2, 2.0
_MOST_FAILURES = 10
# A notebook is ended kindly before Ray kills it; by itself Ray gives it 3 s.
_VARIABLES = {"RAY_JOB_STOP_WAIT_TIME_S": "15"}


class RayJobs:
    """The jobs of the cluster whose dashboard is at `address`; raises Problem `ray_not_installed`, `ray_not_reachable`.

    `address` is as `JobSubmissionClient` takes it: `http://head:8265`. None is for RAY_ADDRESS, or for this machine.
    """

    def __init__(self, address: str | None) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            from ray.job_submission import JobSubmissionClient
        except ImportError as error:
            raise Problem(
                "ray_not_installed", "The ray executor needs the extra: pip install 'tunebook[ray]'.", status=501
            ) from error
        logging.getLogger("ray").setLevel(logging.WARNING)
        self._address = address or os.environ.get("RAY_ADDRESS") or "http://127.0.0.1:8265"
        with self._reaching():
            self._client: Any = JobSubmissionClient(self._address)

    def submit(self, name: str, entrypoint: str, folder: Path, gpus: float) -> None:
        """Has the cluster run `entrypoint` in a copy of `folder` once it has the GPUs; nothing when `name` is known.

        Raises Problem `ray_too_large` when the folder is over `MOST_SENT` bytes.
        """
        if (room := room_in(folder)) < 0:
            raise Problem(
                "ray_too_large",
                f"The notebook and its rows are {(MOST_SENT - room) / MIB:.0f} MiB, and Ray carries "
                f"{MOST_SENT // MIB}: make the notebook where TUNEBOOK_PUBLIC_URL is set, so that it "
                "fetches its rows by a link.",
                status=413,
            )
        environment = {"working_dir": str(folder), "env_vars": _VARIABLES}
        with self._reaching():
            try:
                self._client.submit_job(
                    entrypoint=entrypoint, submission_id=name, runtime_env=environment, entrypoint_num_gpus=gpus or None
                )
            except RuntimeError as error:
                if "already exists" not in str(error):
                    raise

    def status(self, name: str) -> str | None:
        """`PENDING`, `RUNNING`, `STOPPED`, `SUCCEEDED` or `FAILED`; None when the cluster knows no such job."""
        with self._reaching():
            try:
                return str(self._client.get_job_status(name).value)
            except RuntimeError as error:
                if "does not exist" in str(error):
                    return None
                raise

    def last_words(self, name: str) -> str:
        """What Ray says of how the job stands."""
        with self._reaching():
            return str(self._client.get_job_info(name).message or "Ray says nothing of it")

    def lines(self, name: str, stopped: Callable[[], bool]) -> Iterator[str]:
        """What the job has printed and prints, line by line, until it ends or `stopped` says so."""
        tail = _Tail(self._client, name)
        with self._reaching():
            try:
                yield from tail.lines(stopped)
            finally:
                tail.close()

    def fetch(self, name: str, file: str, target: Path) -> None:
        """Brings a file that the job left beside its own log; Problem `ray_not_reachable` when it does not come."""
        with self._reaching():
            node = self._client.get_job_info(name).driver_node_id
            asked = {"node_id": node, "filename": file, "lines": -1}
            # As the client's own requests go: with its token, its cookies and its certificates.
            answer = self._client._do_request("GET", "/api/v0/logs/file", params=asked, timeout=600)
            answer.raise_for_status()
            target.write_bytes(answer.content)

    def end(self, name: str) -> bool:
        """Stops the job and has the cluster forget it; whether it was known. Problem `ray_not_reachable` else."""
        end = monotonic() + _STOP_SECONDS
        known = (status := self.status(name)) is not None
        while status in ("PENDING", "RUNNING"):
            if monotonic() > end:
                raise Problem("ray_not_reachable", f"The cluster does not stop {name}.", status=503)
            with self._reaching():
                self._client.stop_job(name)
            sleep(_POLL_SECONDS)
            status = self.status(name)
        end = monotonic() + _STOP_SECONDS
        while status is not None:
            if monotonic() > end:
                raise Problem("ray_not_reachable", f"The cluster does not forget {name}.", status=503)
            # Ray's own watch of the job, once a second, would write down anew what is deleted before it has looked.
            sleep(_SETTLED_SECONDS)
            with self._reaching():
                self._client.delete_job(name)
            sleep(_POLL_SECONDS)
            status = self.status(name)
        return known

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Turns what goes wrong on the way to the cluster into a Problem."""
        try:
            yield
        except (OSError, RuntimeError, ValueError) as error:  # requests' errors are OSErrors
            raise Problem(
                "ray_not_reachable",
                f"The Ray cluster at {self._address} cannot be used ({str(error)[:300]}): start one with `ray start "
                "--head`, or set TUNEBOOK_RAY_ADDRESS to the address of its dashboard.",
                status=503,
            ) from error


def room_in(folder: Path) -> int:
    """How many bytes can still go along with a submission of `folder`; negative when it is too large."""
    return MOST_SENT - sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


class _Tail:
    """Follows a job's log in a thread; after a broken connection it goes on behind what it has read."""

    def __init__(self, client: Any, name: str) -> None:
        self._client, self._name = client, name
        self._news: queue.Queue[str | BaseException | None] = queue.Queue()
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(self._follow())
        self._thread = threading.Thread(target=self._work, name="ray-log", daemon=True)
        self._thread.start()

    def lines(self, stopped: Callable[[], bool]) -> Iterator[str]:
        rest = ""
        while not stopped():
            try:
                news = self._news.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                continue
            if isinstance(news, BaseException):
                raise news
            if news is None:
                break
            *whole, rest = (rest + news).split("\n")
            yield from whole
        if rest:
            yield rest

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(5)
        if not self._thread.is_alive():
            self._loop.close()

    def _work(self) -> None:
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except Exception as error:
            self._news.put(error)
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())

    async def _follow(self) -> None:
        read, failures = 0, 0
        while True:
            place = 0  # every connection begins at the beginning
            try:
                async for text in self._client.tail_job_logs(self._name):
                    if new := text[max(0, read - place) :]:
                        self._news.put(new)
                    place += len(text)
                    read, failures = max(read, place), 0
                if self._client.get_job_status(self._name).is_terminal():
                    self._news.put(None)
                    return
            except (OSError, RuntimeError) as error:
                failures += 1
                if failures > _MOST_FAILURES:
                    raise RuntimeError(f"its log cannot be followed: {error}") from error
            await asyncio.sleep(1)
