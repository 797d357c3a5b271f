"""The house: arrows between packages run downwards only, and the ground floor stands alone."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import webapp

ROOT = Path(webapp.__file__).parent
FLOORS = (
    {"errors", "logs", "plurals", "stopping"},
    {"resources", "settings", "outbound", "pace"},
    {"datasets", "training", "storage"},
    {"catalog", "baselines", "jobs", "accounts"},
    {"notebooks", "hub"},
    {"workflow"},
    {"api", "pages", "console", "commands", "server", "gunicorn_worker", "gunicorn_log", "cli"},
)
FLOOR_OF = {package: floor for floor, packages in enumerate(FLOORS) for package in packages}
# On the top floor, the command line has three parts and starts the server; pages, and the web server's workers, use the
# API's way with a request.
JOINTS = {
    ("cli", "console"),
    ("cli", "commands"),
    ("commands", "console"),
    ("commands", "server"),
    ("pages", "api"),
    ("gunicorn_worker", "api"),
}


def package_of(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module == "webapp":
            names = [f"webapp.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "webapp" and len(parts) > 1 and parts[1] in FLOOR_OF:
                yield parts[1]


SOURCES = [path for path in ROOT.rglob("*.py") if path.name != "__init__.py" or path.parent != ROOT]


def test_every_package_has_its_floor():
    assert {package_of(path) for path in SOURCES} == set(FLOOR_OF)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_run_downwards_only(path):
    importer = package_of(path)
    for imported in imports_of(path):
        if imported != importer and (importer, imported) not in JOINTS:
            assert FLOOR_OF[imported] < FLOOR_OF[importer], f"{importer} imports {imported}"


@pytest.mark.parametrize(
    ("modules", "absent"),
    [
        (
            "webapp.datasets, webapp.catalog, webapp.baselines",
            "flask sqlalchemy torch transformers nbclient re2 py3langid gigatoken awkward pyarrow sklearn",
        ),
        (
            "webapp.training.data, webapp.training.masking, webapp.training.families",
            "flask sqlalchemy torch transformers",
        ),
        ("webapp.notebooks", "flask torch transformers sklearn"),
        ("webapp.cli", "numpy sqlalchemy flask pydantic jinja2"),
        ("webapp.commands.analyzing", "sqlalchemy flask pydantic jinja2 torch transformers sklearn"),
        (
            "webapp.api, webapp.pages, webapp.server",
            "torch transformers nbclient re2 py3langid gigatoken awkward pyarrow sklearn",
        ),
    ],
)
def test_the_lower_floors_load_nothing_heavy(modules, absent):
    code = f"import sys, {modules}; print(*(set('{absent}'.split()) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_modules_stay_small_enough_to_read():
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in SOURCES}
    assert {name: lines for name, lines in lengths.items() if lines > 300} == {}
    assert sorted(lengths.values())[len(lengths) // 2] <= 150


# What opens connections, or is there to open them.
CLIENTS = {
    "aiohttp", "ftplib", "http.client", "httpcore", "httpcore2", "httpx", "httpx2", "paramiko", "requests", "smtplib",
    "storage3", "supabase", "supabase_auth", "telnetlib", "urllib.request", "urllib3", "websocket", "websockets",
    "xmlrpc.client",
}  # fmt: skip
CALLS = {"create_connection", "connect", "connect_ex"}
# These reach other servers, and why not by webapp.outbound.
REACH = {
    "outbound.py": "it is the one client for addresses that people give",
    "server.py": "asks the server that it has started whether it answers",
    "training/data.py": "runs in notebooks, elsewhere, and asks the app for their rows",
    "training/posting.py": "runs in notebooks, elsewhere, and tells the app of their progress",
    "accounts/supabase.py": "the project of SUPABASE_URL, by its own client",
    "storage/buckets.py": "the Storage of SUPABASE_URL, by its own client",
    "storage/supabase_client.py": "the project of SUPABASE_URL, by its own client",
}


def clients_of(tree):
    """The modules that open connections which a module imports at run time, and the calls that do so."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if named(alias.name))
        if isinstance(node, ast.ImportFrom) and node.module:
            whole = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            yield from (name for name in whole if named(name))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS:
            yield node.func.attr


def named(module):
    return module in CLIENTS or module.split(".")[0] in CLIENTS


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_other_servers_are_reached_through_one_client(path):
    if path.relative_to(ROOT).as_posix() not in REACH:
        assert set(clients_of(ast.parse(path.read_text(encoding="utf-8")))) == set()
