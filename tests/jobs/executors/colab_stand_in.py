"""A stand-in for Google's `colab` tool (google-colab-cli 0.7.5): the same commands, words, files and exit statuses.

Its "machines" are folders in $STAND_IN with a real kernel each, so that notebooks really run. What $STAND_IN/fails.json
says goes wrong: {"new": one of REFUSALS, "slow": seconds that `new` takes, "exec": [how many run before it, "lost" or
"cut"], "stop": true, "drivemount": true}.
"""

import argparse
import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

HOME = Path(os.environ["STAND_IN"])
REFUSALS = {
    "login": "\nTo authorize colab-cli, visit this URL in any browser:\n\n  https://accounts.example/o\n\n"
    "After approving, Google will display an authorization code.\nEnter the authorization code: "
    'Traceback (most recent call last):\n  File "auth.py", line 89\nEOFError: EOF when reading a line',
    "quota": "[colab] Allocation refused (precondition failed). This can mean too many active sessions, or a temporary "
    "usage or capacity limit for the requested runtime. Run `colab stop` to free up a session, wait and retry, or try "
    "a different accelerator.",
    "card": "[colab] Backend rejected accelerator 'A100'. You may not have quota or entitlement for this accelerator "
    "on your account. Try a different one (e.g. --gpu T4) or omit --gpu/--tpu for a CPU runtime.",
    "none free": "Traceback (most recent call last):\ncolab_cli.client.ColabRequestError: Failed to issue request POST "
    "https://colab.research.google.com/tun/m/assign?nbh=x: Service Unavailable",
    "other": "Traceback (most recent call last):\nValueError: something nobody foresaw",
}


def fails(what):
    path = HOME / "fails.json"
    return json.loads(path.read_text()).get(what) if path.exists() else None


class Sessions:
    """What the tool remembers, in the file that --config names."""

    def __init__(self, path):
        self.path = Path(path)

    def all(self):
        return json.loads(self.path.read_text()) if self.path.exists() else {}

    def change(self, name, known):
        found = self.all()
        found.pop(name, None)
        self.path.write_text(json.dumps(found | ({name: {"endpoint": name}} if known else {})))

    def machine(self, name):
        if name not in self.all() or not (HOME / name).exists():
            print(f"[colab] Session '{name}' not found.")
            sys.exit(1)
        return HOME / name


def new(given, sessions):
    print(f"[colab] Creating session '{given.session}'...")
    if why := fails("new"):
        sys.exit(REFUSALS[why])
    time.sleep(fails("slow") or 0)
    (HOME / given.session / "content").mkdir(parents=True)
    (HOME / given.session / "gpu").write_text(given.gpu)
    sessions.change(given.session, True)
    print("[colab] Session READY.")


def kernel(machine):
    """A client of the machine's kernel, which outlives this process."""
    from jupyter_client import BlockingKernelClient
    from jupyter_client.connect import write_connection_file

    file = machine / "kernel.json"
    if not file.exists():
        write_connection_file(str(file))
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", str(file)]
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
        (machine / "pid").write_text(str(process.pid))
    client = BlockingKernelClient(connection_file=str(file))
    client.load_connection_file()
    client.start_channels(hb=False)  # a kernel that is slow to start is not dead
    client.wait_for_ready(timeout=30)
    return client


def run(client, code, shown=True):
    import nbformat

    outputs = []

    def hear(message):
        kind, content = message["msg_type"], message["content"]
        if kind == "stream":
            outputs.append(nbformat.v4.new_output("stream", name=content["name"], text=content["text"]))
            if shown:
                stream = sys.stderr if content["name"] == "stderr" else sys.stdout
                print(content["text"], end="", file=stream, flush=True)
        elif kind in ("display_data", "execute_result"):
            outputs.append(nbformat.v4.new_output(kind, data=content["data"]))
        elif kind == "error":
            outputs.append(nbformat.v4.new_output("error", **content))
            print("".join(content["traceback"]), file=sys.stderr)

    client.execute_interactive(code, output_hook=hear, timeout=600)
    return outputs


def execute(given, sessions):
    import nbformat  # here, as others are in a hurry

    machine, file = sessions.machine(given.session), Path(given.file)
    if given.timeout < 60:
        sys.exit("TimeoutError: Timeout waiting for reply")
    count = machine / "executed"
    number = len(count.read_text()) if count.exists() else 0
    count.write_text("x" * (number + 1))
    is_notebook = file.suffix == ".ipynb"
    if is_notebook:
        print(f"[colab] Parsing notebook '{file}'...", flush=True)
        notebook = nbformat.read(file, as_version=4)
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    else:
        cells = [nbformat.v4.new_code_cell(file.read_text())]
    client = kernel(machine)
    try:
        run(client, f"import os; os.chdir({str(machine / 'content')!r})", shown=False)
        for place, cell in enumerate(cells):
            if is_notebook:
                print(f"[colab] Executing cell {place + 1}/{len(cells)} - {cell.id}...", flush=True)
            if (plan := fails("exec")) and plan[0] == number:
                drop(plan[1], machine, sessions, given.session)
            cell.outputs = run(client, cell.source)
    finally:
        client.stop_channels()
        if is_notebook:
            output = file.with_name(f"{file.stem}_output.ipynb")
            print(f"[colab] Saving notebook with outputs to '{output}'...")
            nbformat.write(notebook, output)


def drop(how, machine, sessions, name):
    print("the last words", flush=True)
    if how == "lost":
        end(machine)
        sessions.change(name, False)
        print(f"[colab] Session '{name}' appears to be lost (404/401). Cleaning up.")
        sys.exit(1)
    (HOME / "fails.json").unlink()
    raise RuntimeError("Connection was lost.")


def end(machine):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        os.kill(int((machine / "pid").read_text()), signal.SIGKILL)
    shutil.rmtree(machine, ignore_errors=True)


def stop(given, sessions):
    if given.session not in sessions.all():
        print(f"[colab] Session '{given.session}' not found.")
        return
    if fails("stop"):
        sys.exit("requests.exceptions.ConnectionError: Max retries exceeded")
    print(f"[colab] Stopping session '{given.session}'...")
    end(HOME / given.session)
    sessions.change(given.session, False)
    print("[colab] Session terminated.")


def status(given, sessions):
    known = given.session in sessions.all() and (HOME / given.session).exists()
    print(f"[{given.session}] x | Status: IDLE" if known else f"[colab] Session '{given.session}' not found.")


def upload(given, sessions):
    # As the tool does: one base64 document through the Contents API.
    content = base64.b64encode(Path(given.first).read_bytes())
    (sessions.machine(given.session) / given.second).write_bytes(base64.b64decode(content))
    print(f"[colab] Uploaded '{given.first}' to '{given.second}'")


def download(given, sessions):
    source = sessions.machine(given.session) / given.first
    if not source.is_file():
        print(f"[colab] Download failed: File or directory not found: {given.first}")
        sys.exit(1)
    shutil.copyfile(source, given.second)
    print(f"[colab] Downloaded '{given.first}' to '{given.second}'")


def restart_kernel(given, sessions):
    machine = sessions.machine(given.session)
    os.kill(int((machine / "pid").read_text()), signal.SIGKILL)
    (machine / "kernel.json").unlink()


def drivemount(given, sessions):
    sessions.machine(given.session)
    print(f"[colab] Mounting Google Drive to '/content/drive' on {given.session}...")
    if fails("drivemount"):
        print(
            "\n[colab] REQUIRED: Google Drive Authorization needed.\nPlease visit:\n\nhttps://accounts.example/drive\n"
        )
        print("Press Enter after you have granted access... [colab] Authorizing VM...")
        print("[colab] Error propagating: 400 no")
    else:
        print("Mounted at /content/drive")


def main():
    with (HOME / "calls.jsonl").open("a") as calls:
        calls.write(
            json.dumps({"at": time.time(), "arguments": sys.argv[1:], "environment": sorted(os.environ)}) + "\n"
        )
    parser = argparse.ArgumentParser(prog="colab")
    parser.add_argument("--config", required=True)
    commands = parser.add_subparsers(required=True)
    for command in (new, execute, stop, status, upload, download, restart_kernel, drivemount):
        name = {"execute": "exec", "restart_kernel": "restart-kernel"}.get(command.__name__, command.__name__)
        one = commands.add_parser(name)
        one.set_defaults(command=command)
        one.add_argument("-s", dest="session", required=True)
        if command is new and not fails("old"):
            one.add_argument("--gpu")
        if command is execute:
            one.add_argument("-f", dest="file", required=True)
            one.add_argument("--timeout", type=float, default=30.0)
        if command in (upload, download):
            one.add_argument("first")
            one.add_argument("second")
    try:
        given = parser.parse_args()
    except SystemExit:
        sys.exit("Usage: colab new [OPTIONS]\n\nError: No such option: --gpu") if fails("old") else sys.exit(2)
    given.command(given, Sessions(given.config))


if __name__ == "__main__":
    main()
