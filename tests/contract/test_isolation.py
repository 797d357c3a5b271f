"""Whoever asks for what is another's gets nothing of it: every route and method, by every kind of stranger.

A route that RULES does not know fails the test.
"""

import hashlib
import io
import json
import socket
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from tests.conftest import app_with_tables
from tests.test_outbound import Site, answers
from webapp import workflow
from webapp.accounts import audit, keys
from webapp.accounts.directory import add_account, caller_of_account
from webapp.api import fixes
from webapp.api.access import ACCESS
from webapp.jobs import attempts, claim, run_child
from webapp.notebooks import delivery
from webapp.settings import Settings
from webapp.storage.people import ApiKey
from webapp.storage.tables import Base, Job, utc_now
from webapp.workflow.job_files import run_key
from webapp.workflow.kinds import job_kinds

# In all that Ada has: rows, names of files, notes, output, weights, what was written down of her.
MARK = "zq7adas4mark"
PASSWORD = "correct horse battery"

# What a rule expects of Ben, who has signed in and asks with Ada's ids.
THEIRS = {404}  # as if there were no such thing
NOT_OPEN = {401, 404, 410}  # a token that is not valid
OWN = {200, 201, 202, 204, 302, 303, 400, 404, 405, 409, 413, 426}  # nobody's, or Ben's own


@dataclass
class Rule:
    """How a route is asked: `bodies` are JSON, `forms` are those of pages, `queries` query strings.

    `signs_out` says that the credentials it is asked with are no good afterwards.
    """

    expected: set
    bodies: list = field(default_factory=lambda: [None])
    forms: list = field(default_factory=lambda: [None])
    queries: list = field(default_factory=lambda: [""])
    signs_out: bool = False


def theirs(**more):
    return Rule(THEIRS, **more)


OPERATIONS = {"operations": [{"name": "dedupe"}]}
RUN = {"kind": "run", "start": True}
RECOMMEND = {"task_type": "conversation", "deployment_target": "server"}
NEW = {"email": "eve@example.com", "password": PASSWORD, "name": "Eve"}
WRONG = {"email": "ben@example.com", "password": "not the password"}
A_FILE = "a file"
# Each placeholder in braces is one of Ada's ids; `own_...` is Ben's.
RULES = {
    # Nothing of anyone's.
    "static": Rule(OWN),
    "openapi.spec": Rule(OWN),
    "pages.docs": Rule(OWN),
    "pages.estimates": Rule(OWN, queries=["", "session_id={dataset}", "dataset_id={dataset}&model_id=smollm2-360m"]),
    "service.index": Rule(OWN),
    "service.health": Rule(OWN),
    "service.ready": Rule(OWN),
    "metrics.metrics": theirs(),
    "models.models": Rule(OWN),
    "models.model": Rule(OWN),
    "models.estimate": theirs(queries=["model_id=smollm2-360m&session_id={dataset}"]),
    # Lists, and what Ben makes for himself.
    "jobs.jobs": Rule(OWN, queries=["", "session_id={dataset}", "kind=run&status=completed"]),
    "uploads.upload": Rule(OWN),
    "uploads.upload_sample": Rule(OWN),
    "pages.upload": Rule(OWN),
    "pages.use_sample": Rule(OWN),
    "uploads.upload_raw": Rule(OWN),
    "part_uploads.begin": Rule(
        OWN, bodies=[{"bytes": 9, "filename": "a.jsonl", "mime_type": "text/jsonl", "purpose": "fine-tune"}]
    ),
    "auth.profile": Rule(OWN),
    "auth.audit": Rule(OWN, queries=["", "before=1000000"]),
    "auth.api_keys": Rule(OWN),
    "auth.make_key": Rule(OWN, bodies=[{"name": "x", "permissions": ["read"]}]),
    "auth.delete_account": Rule({401, 403, 429}, bodies=[{}, {"password": WRONG["password"]}]),
    "pages.settings": Rule(OWN),
    "pages.confirm_account_deletion": Rule(OWN),
    "pages.delete_account": Rule({401, 429}, forms=[{}, {"confirmation": WRONG["password"]}]),
    "pages.set_theme": Rule(OWN, forms=[{}, {"theme": "dark"}]),
    "pages.make_key": Rule(OWN, forms=[{}, {"name": "x", "read": "on"}]),
    # Signing in and out.
    "auth.register": Rule(OWN | {429}, bodies=[NEW]),
    "auth.login": Rule({401, 429}, bodies=[WRONG]),
    "auth.refresh": Rule({401}),
    "auth.logout": Rule(OWN, signs_out=True),
    "pages.register": Rule(OWN | {200, 429}, forms=[NEW]),
    "pages.sign_in": Rule({200, 303, 401, 429}, forms=[WRONG]),
    "pages.sign_out": Rule(OWN, signs_out=True),
    # Tokens of their own; Ben has none of them.
    "notebooks.download": Rule(NOT_OPEN),
    "rows.linked_rows": Rule(NOT_OPEN),
    "progress.handed_over_notebook": Rule(NOT_OPEN),
    "progress.progress": Rule(NOT_OPEN, bodies=[{"run": "x", "events": [{"type": "status", "status": "failed"}]}]),
    "streams.stream": Rule({401, 404}, queries=["", "ticket=x"]),
    "streams.socket_stream": Rule({401, 404, 426}, queries=["", "ticket=x"]),
    # Ids in the body.
    "recommendations.recommend": theirs(bodies=[{"session_id": "{dataset}", **RECOMMEND}]),
    "notebooks.generate": theirs(
        bodies=[
            {"session_id": "{dataset}", "model_id": "smollm2-360m"},
            {"session_id": "{dataset}", "model_id": "smollm2-360m", "dry_run": True},
        ]
    ),
    "jobs.create_job": theirs(
        bodies=[
            {"session_id": "{dataset}", "notebook_id": "{notebook}", **RUN},
            {"session_id": "{own_dataset}", "notebook_id": "{notebook}", **RUN},
            {"session_id": "{dataset}", "notebook_id": "{own_notebook}", **RUN},
        ]
    ),
    "part_uploads.complete": theirs(bodies=[{"part_ids": ["{part}"]}]),
    # Ids in the path.
    "part_uploads.show": theirs(),
    "part_uploads.add_part": theirs(forms=[{"data": A_FILE}]),
    "part_uploads.cancel": theirs(),
    "datasets.claim": theirs(),
    "datasets.delete_dataset": theirs(),
    "notebooks.delete_notebook": theirs(),
    "auth.revoke_key": theirs(),
    "pages.revoke_key": theirs(),
    "pages.confirm_dataset_deletion": theirs(),
    "pages.delete_dataset": theirs(),
    "pages.confirm_notebook_deletion": theirs(),
    "pages.delete_notebook": theirs(),
    "pages.confirm_run_deletion": theirs(),
    "pages.delete_run": theirs(),
    "datasets.analyze": theirs(),
    "datasets.issue_lines": theirs(),
    "datasets.map_columns": theirs(bodies=[{"map": {"a": "prompt", "b": "completion"}}]),
    "datasets.preview": theirs(),
    "datasets.rendered": theirs(queries=["model_id=smollm2-360m"]),
    "datasets.distribution": theirs(),
    "datasets.duplicates": theirs(),
    "fixes.fix": theirs(bodies=[OPERATIONS, {**OPERATIONS, "preview": True}]),
    "fixes.versions": theirs(),
    "fixes.undo": theirs(),
    "fixes.redo": theirs(),
    "fixes.export": theirs(queries=["", "format=parquet"]),
    "jobs.job": theirs(),
    "jobs.change_job": theirs(bodies=[{"name": "mine", "note": "mine"}]),
    "jobs.delete_job": theirs(),
    "jobs.run_job": theirs(),
    "jobs.cancel_job": theirs(),
    "jobs.resume_job": theirs(),
    "job_files.job_events": theirs(),
    "job_files.job_logs": theirs(),
    "job_files.artifacts": theirs(),
    "job_files.artifact": theirs(),
    "job_files.job_report": theirs(),
    "progress.progress_token": theirs(),
    "streams.ticket": theirs(),
    "trying.ask": theirs(bodies=[{"text": "What is said?"}]),
    "trying.stop": theirs(),
    "notebooks.open_in_colab": theirs(bodies=[{}, {"share_rows": True}]),
    "rows.rows_file": theirs(),
    "rows.data_links": theirs(),
    "rows.revoke_link": theirs(),
    "datasets.datasets": Rule(OWN),
    "pages.history": Rule(OWN, queries=["", "status=completed", "dataset={dataset}"]),
    "pages.dataset": theirs(),
    "pages.rows": theirs(queries=["", "q=a", "line=2"]),
    "pages.arrive": theirs(),
    "pages.analyse_again": theirs(),
    "pages.cancel_analysis": theirs(),
    "pages.map_columns": theirs(forms=[{}, {"column-0": "a", "part-0": "prompt"}]),
    "pages.models": theirs(queries=["", "task_type=qa&compare=smollm2-360m&compare=qwen3-1.7b"]),
    "pages.plan": theirs(queries=["model_id=smollm2-360m", "model_id=smollm2-360m&from={notebook}", "from={notebook}"]),
    "pages.check_plan": theirs(forms=[{"model_id": "smollm2-360m"}], queries=["", "fragment=1"]),
    "pages.make_notebook": theirs(forms=[{}, {"model_id": "smollm2-360m", "task_type": "conversation"}]),
    "pages.start_fix": theirs(forms=[{"dedupe": "on"}]),
    "pages.fix": theirs(),
    "pages.cancel_fix": theirs(),
    "pages.undo_fix": theirs(),
    "pages.redo_fix": theirs(),
    "pages.notebook": theirs(),
    "pages.preview": theirs(queries=["", "cell=2"]),
    "pages.start_dry_run": theirs(),
    "pages.start_run": theirs(),
    "pages.open_in_colab": theirs(forms=[{}, {"share_rows": "on"}]),
    "pages.opened_in_colab": Rule({302, 404}),  # back to the page that was asked for, which is not found
    "pages.remake_notebook": theirs(forms=[{}, {"batch_size": "1"}, {"run_id": "{job}"}]),
    "pages.revoke_link": theirs(),
    "pages.run": theirs(),
    "pages.result": theirs(queries=["", "against=reference"]),
    "pages.run_curves": theirs(queries=["", "log=1"]),
    "pages.cancel_run": theirs(),
    "pages.resume_run": theirs(),
    "pages.try_prompts": theirs(),
    "pages.ask_both": theirs(forms=[{}, {"text": "What is said?"}]),
    "pages.stop_answer": theirs(forms=[{}, {"prompt": "1"}]),
    "pages.put_away": theirs(),
}


@pytest.fixture(scope="module")
def patches():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fixes, "WAIT_SECONDS", 0.0)
        patch.setattr(delivery, "MAX_EMBEDDED_BYTES", 1)  # rows travel by links
        yield patch


@pytest.fixture(scope="module")
def app(tmp_path_factory, patches):
    hub = Site()
    hub.routes["/"] = answers(404)
    settings = Settings(
        home=tmp_path_factory.mktemp("home"),
        auth="local",
        public_url="http://localhost",
        rate_free=1_000_000,
        hf_endpoint=hub.url,
        hf_hub_cache=tmp_path_factory.mktemp("hub"),
    )
    with app_with_tables(settings) as made:
        yield made
    hub.close()


class Person:
    """Someone with an account, who asks with an access token."""

    def __init__(self, app, name):
        self.services = app.extensions["tunebook"]
        account = add_account(self.services.db, f"{name}@example.com", PASSWORD, name)
        self.email, self.id, self.caller = account.email, account.id, caller_of_account(account, "192.0.2.1")
        self.headers = self.sign_in()
        self._client = app.test_client()

    def sign_in(self):
        made = self.services.accounts.sign_in(self.email, PASSWORD, "192.0.2.1")
        return {"Authorization": f"Bearer {made.access_token}"}

    def ask(self, method, path, **arguments):
        answer = self._client.open(path, method=method, headers=self.headers, **arguments)
        assert answer.status_code < 300, answer.text
        return answer.json

    def key(self, *permissions):
        with self.services.db.session() as session:
            return keys.make_key(session, self.caller, MARK, permissions, None)


def line(number, word):
    asked = {"role": "user", "content": f"What does {word} say to number {number * 31}? ask{number}@lind.se"}
    told = {"role": "assistant", "content": f"{word} answers with {number * 7}."}
    return json.dumps({"messages": [asked, told]}).encode() + b"\n"


def upload(person, app, word):
    """A dataset, and a notebook of it."""
    content = b"".join(line(number, word) for number in [*range(30), 3]) + b'{"broken": "%s"\n' % word.encode()
    head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{word}.jsonl"\r\n\r\n'.encode()
    body = {"data": head + content + b"\r\n--b--\r\n", "content_type": "multipart/form-data; boundary=b"}
    dataset = person.ask("POST", "/upload", **body)["session_id"]
    work(app)
    wanted = {"session_id": dataset, "model_id": "smollm2-360m", "delivery": {"colab": False}}
    return dataset, person.ask("POST", "/generate", json=wanted)["notebook_id"]


def upload_part(person, word):
    """An upload that is under way, and a part of it."""
    wanted = {"bytes": 10_000, "filename": f"{word}.jsonl", "mime_type": "text/jsonl", "purpose": "fine-tune"}
    begun = person.ask("POST", "/v1/uploads", json=wanted)["id"]
    content = {"data": (io.BytesIO(line(1, word)), "part")}
    return begun, person.ask("POST", f"/v1/uploads/{begun}/parts", data=content)["id"]


def work(app):
    services = app.extensions["tunebook"]
    while job := claim(services.db, "test", 60):
        run_child(services.db, job.id, job.attempt, job_kinds(services))


def run(person, dataset, notebook, **more):
    wanted = {"session_id": dataset, "notebook_id": notebook, "kind": "run", **more}
    return person.ask("POST", "/jobs", json=wanted)["id"]


@pytest.fixture(scope="module")
def ada(app):
    """She has one of everything; `things` are the ids, several where there are several kinds."""
    person = Person(app, MARK)
    services = person.services
    dataset, notebook = upload(person, app, MARK)
    person.ask("POST", f"/datasets/{dataset}/fix", json=OPERATIONS)
    work(app)
    (version,) = [item["session_id"] for item in person.ask("GET", f"/datasets/{dataset}/versions")["versions"][1:]]
    with services.db.reading() as session:
        (fixing,) = session.scalars(select(Job.id).where(Job.kind == "fix", Job.owner == person.id))
    done = run(person, dataset, notebook, name=MARK, note=MARK, start=True)
    assert claim(services.db, "test", 60).id == done
    attempts.write(services.db, done, 1, [("stream", {"cell": 1, "name": "stdout", "text": MARK})], None)
    folder = services.blobs.folder(run_key(done)) / "tunebook-run"
    folder.mkdir()
    (folder / "report.json").write_text(json.dumps({"told": MARK}))
    (folder / f"{MARK}.bin").write_text(MARK)
    attempts.finish(services.db, done, 1, {"told": MARK})
    created, handed = run(person, dataset, notebook), run(person, dataset, notebook)
    person.ask("POST", f"/jobs/{handed}/progress-token")
    person.ask("POST", f"/jobs/{done}/ticket")
    begun, part = upload_part(person, MARK)
    (link,) = person.ask("GET", f"/notebooks/{notebook}/links")["links"]
    with services.db.session() as session:
        audit.record(session, person.caller, "downloaded", dataset, filename=MARK)
    person.things = {
        "dataset": [dataset, version],
        "job": [done, created, handed, fixing],
        "notebook": [notebook],
        "link": [link["id"]],
        "upload": [begun],
        "part": [part],
        "key": [person.key("read").row.id],
    }
    return person


@pytest.fixture(scope="module")
def ben(app, ada):
    person = Person(app, "ben")
    dataset, notebook = upload(person, app, "ben")
    person.things = {"dataset": dataset, "notebook": notebook, "job": run(person, dataset, notebook)}
    return person


@pytest.fixture(scope="module")
def strangers(ada, ben):
    """Everyone who asks for what is Ada's: name to headers, and Ada's own keys that may not."""
    read, expired, revoked = ada.key("read"), ada.key("read", "write"), ada.key("read", "write")
    with ada.services.db.session() as session:
        gone = utc_now() - timedelta(seconds=1)
        session.execute(update(ApiKey).where(ApiKey.id == expired.row.id).values(expires_at=gone))
        keys.revoke_key(session, ada.caller, revoked.row.id)
    return {
        "ben": ben.headers,
        "nobody": {},
        "a key that only reads": {"X-API-Key": read.text},
        "an expired key": {"Authorization": f"Bearer {expired.text}"},
        "a revoked key": {"X-API-Key": revoked.text},
        "a forged token": {"Authorization": ben.headers["Authorization"][:-6] + "AAAAAA"},
    }


def values(ada, ben, parameter, rule):
    """What is put in the place of a path's parameter: what is Ada's; the test fails for one that it does not know."""
    known = {
        "session_id": ada.things["dataset"],
        "dataset_id": ada.things["dataset"],
        "job_id": ada.things["job"],
        "notebook_id": ada.things["notebook"],
        "link_id": ada.things["link"],
        "upload_id": ada.things["upload"],
        "key_id": ada.things["key"],
        "code": ["invalid_lines"],
        "model": ["smollm2-360m"],
        "name": [f"tunebook-run/{MARK}.bin"],
        "prompt": ["1"],
        "token": ["1999999999.forged"],
        "filename": ["css/tunebook.css" if rule.endpoint == "static" else f"{MARK}.ipynb"],
    }
    assert parameter in known, f"Say in this test what {parameter!r} of {rule.rule} is."
    return known[parameter]


def paths(ada, ben, rule):
    """The paths of a route with each of Ada's ids; and with something of Ben's in front of something of hers."""
    made = [rule.rule]
    for part in [part for part in rule.rule.split("/") if "<" in part]:
        name = part.strip("<>").split(":")[-1]
        made = [path.replace(part, value) for path in made for value in values(ada, ben, name, rule)]
    ids = [name for name in sorted(rule.arguments, key=rule.rule.index) if name.endswith("_id")]
    if len(ids) > 1:
        first = ids[0].removesuffix("_id").replace("session", "dataset")
        if first in ben.things:
            made += [path.replace(ada.things[first][0], ben.things[first]) for path in made]
    return dict.fromkeys(made)


def filled(value, ada, ben):
    """`value` with ids in the place of its placeholders."""
    text = json.dumps(value)
    for name, ids in ada.things.items():
        text = text.replace(f"{{{name}}}", ids[0])
    for name, found in ben.things.items():
        text = text.replace(f"{{own_{name}}}", found)
    return json.loads(text)


def requests_of(rule, ada, ben):
    """Every request that the walk makes of a route: method, path and arguments."""
    asked = RULES[rule.endpoint]
    for path in paths(ada, ben, rule):
        for method in sorted(rule.methods - {"OPTIONS"}):
            for query in asked.queries:
                address = f"{path}?{filled(query, ada, ben)}" if query else path
                if method in ("GET", "HEAD"):
                    yield method, address, {}
                    continue
                for body in asked.bodies:
                    for form in asked.forms:
                        arguments = {"json": filled(body, ada, ben)} if body is not None else {}
                        yield method, address, arguments | ({"data": form} if form is not None else {})


def opened(form):
    """The form with a file where it has one."""
    return {name: (io.BytesIO(b"x"), "a.jsonl") if value == A_FILE else value for name, value in form.items()}


def send(app, method, path, arguments, headers, websocket, ada_asks=False):
    """The answer; unless it is Ada who asks, it has nothing of hers, in its body or its headers."""
    if "data" in arguments:
        arguments = arguments | {"data": opened(arguments["data"])}
    if websocket:
        ours, theirs_end = socket.socketpair()
        handshake = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        headers = headers | handshake | {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        arguments = arguments | {"environ_overrides": {"gunicorn.socket": ours}}
    with app.test_client().open(path, method=method, headers=headers, **arguments) as answer:
        # The address that was asked is not Ada's any more: whoever asked knew it.
        told = (answer.data + str(answer.headers).encode()).replace(path.encode(), b"")
        assert ada_asks or MARK.encode() not in told, f"{method} {path}: {told[:500]!r}"
    if websocket:
        ours.close()
        theirs_end.close()
    return answer


@pytest.fixture
def unchanged(ada, strangers):
    before = belongings(ada)
    yield
    assert belongings(ada) == before


def belongings(ada):
    """All rows and files that are Ada's."""
    found = {}
    with ada.services.db.reading() as session:
        jobs = set(session.scalars(select(Job.id).where(Job.owner == ada.id)))
        for table in Base.metadata.sorted_tables:
            columns = table.columns
            mine = next(
                (columns[name].in_(own) for name, own in owners(ada, jobs).items() if name in columns),
                None,
            )
            if mine is not None:
                shown = [column for column in columns if column.name != "last_used_at"]
                found[table.name] = sorted(map(repr, session.execute(select(*shown).where(mine))))
    root = ada.services.settings.root / "files"
    ids = [*ada.things["dataset"], *ada.things["job"], *ada.things["notebook"]]
    for path in sorted(root.rglob("*")):
        if path.is_file() and any(name in path.as_posix() for name in ids):
            found[path.as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def owners(ada, jobs):
    """By which columns a row is hers."""
    return {"owner": {ada.id}, "job_id": jobs, "account_id": {ada.id}}


def test_every_route_has_a_rule(app):
    known = {rule.endpoint for rule in app.url_map.iter_rules()}
    assert known - set(RULES) == set(), "Say in RULES what others get here."
    assert set(RULES) <= known


def test_every_documented_path_is_walked(app):
    walked = {rule.rule.replace("<path:", "<").replace("<", "{").replace(">", "}") for rule in app.url_map.iter_rules()}
    assert set(app.test_client().get("/openapi.json").json["paths"]) <= walked


def test_ada_herself_finds_what_is_hers(app, ada):
    """Else the walk would prove nothing."""
    dataset, job, notebook = (ada.things[name][0] for name in ("dataset", "job", "notebook"))
    for path in (
        f"/preview/{dataset}",
        f"/datasets/{dataset}",
        f"/jobs/{job}",
        f"/jobs/{job}/events",
        f"/jobs/{job}/logs",
        f"/jobs/{job}/artifacts",
        f"/jobs/{job}/report",
        f"/runs/{job}",
        f"/notebooks/{notebook}",
        f"/notebooks/{notebook}/links",
        "/jobs",
    ):
        with app.test_client().get(path, headers=ada.headers) as answer:
            assert answer.status_code == 200, path
            assert MARK.encode() in answer.data, path


# What would take things away comes last: it would hide what else is open.
RULE_NAMES = sorted(RULES, key=lambda name: (ACCESS.get(name) == "delete", name))


@pytest.mark.parametrize("endpoint", RULE_NAMES)
def test_another_person_finds_nothing(app, ada, ben, strangers, unchanged, endpoint):
    for rule, (method, path, arguments) in walk(app, ada, ben, endpoint):
        headers = ben.sign_in() if RULES[endpoint].signs_out else strangers["ben"]
        answer = send(app, method, path, arguments, headers, rule.websocket)
        expected = {401, 404} if rule.websocket else RULES[endpoint].expected
        assert answer.status_code in expected, f"{method} {path}: {answer.status_code} {answer.text}"


@pytest.mark.parametrize("endpoint", RULE_NAMES)
def test_nobody_and_no_dead_key_comes_in(app, ada, ben, strangers, unchanged, endpoint):
    closed = ACCESS[endpoint] != "everyone" or endpoint.startswith("streams.")
    for rule, (method, path, arguments) in walk(app, ada, ben, endpoint):
        for name in ("nobody", "an expired key", "a revoked key", "a forged token"):
            answer = send(app, method, path, arguments, strangers[name], rule.websocket)
            told = f"{name}: {method} {path}: {answer.status_code} {answer.text}"
            if closed:
                # A browser is led to where one signs in.
                led = endpoint.startswith("pages.") and answer.status_code in (302, 303)
                no_handshake = endpoint == "streams.socket_stream" and not rule.websocket
                assert answer.status_code == (426 if no_handshake else 401) or led, told
            else:
                assert answer.status_code in RULES[endpoint].expected | {401}, told


@pytest.mark.parametrize("endpoint", [name for name in RULE_NAMES if ACCESS.get(name) not in ("everyone", "read")])
def test_a_key_that_only_reads_changes_nothing(app, ada, ben, strangers, unchanged, endpoint):
    for rule, (method, path, arguments) in walk(app, ada, ben, endpoint):
        if method in ("GET", "HEAD"):
            continue
        answer = send(app, method, path, arguments, strangers["a key that only reads"], rule.websocket, True)
        assert answer.status_code == 403, f"{method} {path}: {answer.status_code} {answer.text}"


def walk(app, ada, ben, endpoint):
    for rule in app.url_map.iter_rules(endpoint):
        for request in requests_of(rule, ada, ben):
            yield rule, request


def test_lists_hold_what_is_ones_own(app, ada, ben):
    jobs = app.test_client().get("/jobs", headers=ben.headers).json
    assert [job["id"] for job in jobs] == [ben.things["job"]]
    asked = app.test_client().get(f"/jobs?session_id={ada.things['dataset'][0]}", headers=ben.headers)
    assert asked.json == []
    with ben.services.db.reading() as session:
        assert all(entry.owner == ben.id for entry in audit.entries(session, ben.caller, 100))
        assert all(row.owner == ben.id for row in keys.keys_of(session, ben.caller))


def test_a_part_of_anothers_goes_into_no_upload_of_ones_own(app, ada, ben):
    begun, _ = upload_part(ben, "ben")
    answer = app.test_client().post(
        f"/v1/uploads/{begun}/complete", json={"part_ids": ada.things["part"]}, headers=ben.headers
    )
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "unknown_part")


def test_a_ticket_of_ones_own_opens_no_stream_of_anothers(app, ada, ben):
    ticket = ben.ask("POST", f"/jobs/{ben.things['job']}/ticket")["ticket"]
    for job in ada.things["job"]:
        assert app.test_client().get(f"/jobs/{job}/stream?ticket={ticket}").status_code == 401


def test_a_progress_token_of_ones_own_reports_to_no_other_run(app, ada, ben):
    token = workflow.progress.sign_progress(ben.services, ben.things["job"], 60).token
    report = {"run": "x", "events": [{"type": "status", "status": "failed"}]}
    for job in ada.things["job"]:
        headers = {"Authorization": f"Bearer {token}"}
        assert app.test_client().post(f"/jobs/{job}/progress", json=report, headers=headers).status_code == 401
