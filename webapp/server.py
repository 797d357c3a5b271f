"""`tunebook serve`: gunicorn and the worker side by side, as two processes that live and end together."""

import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from ipaddress import ip_address
from time import monotonic, sleep

import structlog
from pydantic import SecretStr

from webapp.errors import Problem
from webapp.logs import configure_logs
from webapp.settings import Settings
from webapp.stopping import end_with_parent, stop_signals
from webapp.workflow import open_services

_START_SECONDS = 30.0
# Together below three seconds: how long a person waits after Ctrl-C.
_GRACE_SECONDS, _KILL_AFTER = 1, 2.5
_POLL_SECONDS = 0.05
# Of each web process. Those that say nothing cost a few kilobytes, and go first when there are more.
_CONNECTIONS = 4096

log = structlog.get_logger("tunebook.server")


def serve(settings: Settings, host: str, port: int, workers: int = 1) -> None:
    """Serves the app until SIGINT or SIGTERM; prints its address once it answers. Port 0 takes a free one.

    Call it in the main thread. Raises Problem `address_unavailable`, `open_to_everyone`, `server_died`,
    `server_not_ready`, or what the settings lack for TUNEBOOK_AUTH.
    """
    configure_logs()
    _warn_of_counts(settings, workers)
    # The name it is told to listen on is one it is asked by.
    settings = settings.model_copy(update={"trusted_hosts": f"{settings.trusted_hosts},{host}"})
    services = open_services(settings)
    _ = services.authentication  # what is missing for it is said before anything starts
    services.db.migrate()
    services.db.close()
    with stop_signals() as stop, closing(_listen(host, port)) as listener:
        _refuse_open(settings, listener)
        address = _address(listener)
        processes = _start(settings, listener.fileno(), workers)
        listener.close()
        try:
            _wait_until_ready(address, processes, stop)
            if not stop.is_set():
                print(f"Tunebook is ready at {address}", flush=True)  # noqa: T201
            while not stop.wait(_POLL_SECONDS):
                _check_alive(processes, stop)
        finally:
            _end(processes)


def environment(settings: Settings) -> dict[str, str]:
    """This process's environment, with the settings as the variables they are read from."""
    variables = dict(os.environ)
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        if value is not None:
            text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            variables[str(field.validation_alias or f"TUNEBOOK_{name.upper()}")] = text
    return variables


def gunicorn_command(settings: Settings, descriptor: int, workers: int) -> list[str]:
    """Starts gunicorn on an open socket; threads, because streams and waits cost a thread and nothing else."""
    options = {
        "bind": f"fd://{descriptor}",
        "workers": str(workers),
        "worker-class": "webapp.gunicorn_worker.StreamingWorker",
        "threads": str(settings.threads),
        "worker-connections": str(_CONNECTIONS),
        "graceful-timeout": str(_GRACE_SECONDS),
        "log-level": "warning",
        "logger-class": "webapp.gunicorn_log.OneFormLogger",
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "gunicorn", *arguments, "--no-control-socket", "webapp:create_app()"]


def _start(settings: Settings, descriptor: int, workers: int) -> dict[str, subprocess.Popen[bytes]]:
    commands = {
        "The worker": [sys.executable, "-m", "webapp.workflow.worker"],
        "The web server": gunicorn_command(settings, descriptor, workers),
    }
    variables = environment(settings)
    return {
        name: subprocess.Popen(
            command,
            env=variables,
            stdin=subprocess.DEVNULL,
            pass_fds=(descriptor,),
            preexec_fn=partial(end_with_parent, signal.SIGTERM),  # no thread runs yet
        )
        for name, command in commands.items()
    }


def _warn_of_counts(settings: Settings, workers: int) -> None:
    if workers > 1 and settings.auth != "off" and settings.redis_url is None:
        log.warning(
            "limits_counted_by_each_process",
            workers=workers,
            message=f"Each of the {workers} web processes counts requests by itself, so people may ask up to {workers} "
            "times as often as the limits say. Set REDIS_URL to have them counted together.",
        )


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address, family=family, backlog=2048)
    except OSError as error:
        raise Problem(
            "address_unavailable",
            f"Tunebook cannot listen on {host}:{port} ({error.strerror}). Choose another with --host or --port.",
            status=503,
        ) from error


def _refuse_open(settings: Settings, listener: socket.socket) -> None:
    host = str(listener.getsockname()[0])
    if settings.auth == "off" and not settings.allow_open and not ip_address(host.partition("%")[0]).is_loopback:
        raise Problem(
            "open_to_everyone",
            f"Tunebook does not listen on {host} without sign-in: whoever reaches it could read and delete everything, "
            "and run code here. Set TUNEBOOK_AUTH=local for accounts, or TUNEBOOK_ALLOW_OPEN=1 to let them.",
            status=500,
        )


def _address(listener: socket.socket) -> str:
    """The address to type into a browser on this machine."""
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"


def _wait_until_ready(address: str, processes: Mapping[str, subprocess.Popen[bytes]], stop: threading.Event) -> None:
    # Without the proxies of the environment: the address is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = monotonic() + _START_SECONDS
    while not stop.wait(_POLL_SECONDS):
        _check_alive(processes, stop)
        try:
            with opener.open(f"{address}/health", timeout=2):
                return
        except OSError:
            if monotonic() > deadline:
                raise Problem(
                    "server_not_ready", f"The web server gave no answer in {_START_SECONDS:g} s.", status=503
                ) from None


def _check_alive(processes: Mapping[str, subprocess.Popen[bytes]], stop: threading.Event) -> None:
    for name, process in processes.items():
        status = process.poll()
        # Ctrl-C reaches all processes of the terminal at once, and this one may be the last to notice.
        if status is not None and not stop.wait(0.2):
            raise Problem(
                "server_died",
                f"{name} ended by itself with exit status {status}; its last words are above. Tunebook has stopped.",
                status=503,
            )


def _end(processes: Mapping[str, subprocess.Popen[bytes]]) -> None:
    for process in processes.values():
        if process.poll() is None:
            process.terminate()
    deadline = monotonic() + _KILL_AFTER
    while monotonic() < deadline and any(process.poll() is None for process in processes.values()):
        sleep(_POLL_SECONDS / 5)
    for process in processes.values():
        if process.poll() is None:
            process.kill()
        process.wait()
