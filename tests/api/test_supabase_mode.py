"""The app with a Supabase project: who reaches what, on real PostgreSQL, with its files in Storage."""

import shutil
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from tests.conftest import Server, jsonl, until
from tests.supabase import PASSWORD, Project, running
from webapp import create_app
from webapp.accounts import Credentials
from webapp.errors import Problem
from webapp.server import serve
from webapp.settings import Settings
from webapp.storage.people import AuditEvent
from webapp.storage.tables import Dataset, Job
from webapp.workflow.job_files import run_key, settle_run


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    with running() as made:
        for name in ("ada", "eve"):
            made.add_person(f"{name}@example.org")
        yield made


@pytest.fixture(scope="module")
def settings(project, postgres, tmp_path_factory) -> Iterator[Settings]:
    url = postgres.fresh()
    yield Settings(
        home=tmp_path_factory.mktemp("home"),
        auth="supabase",
        database_url=url,
        supabase_url=project.url,
        supabase_key=project.anon_key,
        supabase_service_key=project.service_key,
    )
    postgres.drop(url)


@pytest.fixture(scope="module")
def people(app) -> dict[str, dict[str, str]]:
    """The headers of two people who are signed in, and of a visitor."""
    found = {"visitor": {}}
    for name in ("ada", "eve"):
        answer = app.test_client().post("/auth/login", json={"email": f"{name}@example.org", "password": PASSWORD})
        found[name] = {"Authorization": f"Bearer {answer.json['access_token']}"}
    return found


@pytest.fixture
def upload(app, people):
    def send(name: str, count: int = 3) -> str:
        body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="d.jsonl"\r\n\r\n' + jsonl(count)
        answer = app.test_client().post(
            "/upload",
            data=body + b"\r\n--b--\r\n",
            content_type="multipart/form-data; boundary=b",
            headers=people[name],
        )
        assert answer.status_code == 200, answer.text
        return answer.json["session_id"]

    return send


@pytest.fixture
def status(app, people):
    def ask(name: str, path: str) -> int:
        with app.test_client().get(path, headers=people[name]) as answer:
            return answer.status_code

    return ask


def forget(services) -> None:
    """As on a machine that has no files."""
    shutil.rmtree(services.blobs.root)


def test_what_a_visitor_uploads_is_reached_by_its_id_alone(upload, status, work):
    dataset = upload("visitor")
    work()
    assert {name: status(name, f"/preview/{dataset}") for name in ("visitor", "ada")} == {"visitor": 200, "ada": 200}
    assert status("visitor", "/preview/00000000-0000-4000-8000-000000000000") == 404


def test_it_is_in_nobodys_list(app, upload, people):
    upload("visitor")
    for headers in people.values():
        assert app.test_client().get("/jobs", headers=headers).json == []


def test_what_a_person_uploads_is_theirs_alone(upload, status, work):
    dataset = upload("ada")
    work()
    reached = {name: status(name, f"/preview/{dataset}") for name in ("ada", "eve", "visitor")}
    assert reached == {"ada": 200, "eve": 404, "visitor": 404}


def test_it_stays_theirs_in_every_route_of_it(upload, status, work):
    dataset = upload("ada")
    work()
    for path in (f"/analyze/{dataset}", f"/preview/{dataset}/distribution", f"/preview/{dataset}/duplicates"):
        assert (status("ada", path), status("eve", path), status("visitor", path)) == (200, 404, 404)


def test_a_forged_token_is_no_visitor(app, project, upload):
    dataset = upload("visitor")
    claims = project.claims(project.people["ada@example.org"])
    for changes, code in (({"aud": "x"}, "invalid_token"), ({"exp": time.time() - 60}, "token_expired")):
        headers = {"Authorization": f"Bearer {project.token(claims | changes)}"}
        answer = app.test_client().get(f"/analyze/{dataset}", headers=headers)
        assert (answer.status_code, answer.json["error"]["code"]) == (401, code)


def test_a_program_uses_a_key_of_its_person(app, upload, people, work):
    dataset = upload("ada")
    work()
    made = app.test_client().post(
        "/v1/auth/api-keys", json={"name": "k", "permissions": ["read"]}, headers=people["ada"]
    )
    headers = {"X-API-Key": made.json["api_key"]}
    assert app.test_client().get(f"/preview/{dataset}", headers=headers).status_code == 200
    refused = app.test_client().post("/samples/harbour-bikes", headers=headers)
    assert (refused.status_code, refused.json["error"]["code"]) == (403, "permission_missing")


def test_visitors_do_not_run_the_real_model(app, upload):
    answer = app.test_client().post("/jobs", json={"session_id": upload("visitor"), "notebook_id": "x", "kind": "run"})
    assert (answer.status_code, answer.json["error"]["code"]) == (401, "sign_in_required")


def test_files_are_in_storage_and_served_on_a_machine_that_has_none(upload, status, services, project, work):
    dataset = upload("ada")
    work()
    kept = [name for name in project.objects() if f"datasets/datasets/{dataset}/" in name]
    assert len(kept) > 1  # the upload, and what the analysis made of it
    forget(services)
    assert status("ada", f"/preview/{dataset}") == 200
    assert status("ada", f"/preview/{dataset}/duplicates") == 200


def test_signing_in_claims_what_a_visitor_uploaded(app, upload, people, status, work):
    dataset = upload("visitor")
    work()
    assert app.test_client().post(f"/datasets/{dataset}/claim", headers=people["ada"]).status_code == 200
    reached = {name: status(name, f"/preview/{dataset}") for name in ("ada", "eve", "visitor")}
    assert reached == {"ada": 200, "eve": 404, "visitor": 404}
    assert app.test_client().post(f"/datasets/{dataset}/claim", headers=people["eve"]).status_code == 404


def test_what_is_deleted_is_gone_from_storage(app, upload, people, services, project, work):
    dataset = upload("ada")
    work()
    answer = app.test_client().delete(f"/datasets/{dataset}", headers=people["ada"])
    assert answer.status_code == 200
    assert answer.json["deleted"]["files"] > 1
    assert [name for name in project.objects() if dataset in name] == []
    assert not services.blobs.exists(f"datasets/{dataset}")


def test_an_upload_that_storage_does_not_take_leaves_nothing(app, project, services):
    before = project.objects()
    project.refuse_uploads_after = 0
    answer = app.test_client().post("/samples/harbour-bikes")
    project.refuse_uploads_after = None
    assert (answer.status_code, answer.json["error"]["code"]) == (502, "storage_refused")
    assert project.objects() == before


def test_what_a_run_left_is_served_when_its_machine_is_gone(app, upload, people, services, status):
    dataset = upload("ada")
    with services.db.session() as session:
        owner = session.get_one(Dataset, dataset).owner
        job = Job(kind="dry_run", owner=owner, dataset_id=dataset, params={}, status="completed")
        session.add(job)
        session.flush()
        job_id = job.id
    folder = services.blobs.folder(run_key(job_id))
    (folder / "tunebook-run").mkdir()
    (folder / "tunebook-run" / "report.json").write_text('{"steps": 3}')
    (folder / "executed.ipynb").write_text("{}")
    (folder / "scratch").write_text("x")
    settle_run(services, job_id)
    forget(services)
    listed = app.test_client().get(f"/jobs/{job_id}/artifacts", headers=people["ada"])
    assert "tunebook-run/report.json" in listed.text
    assert "scratch" not in listed.text
    assert app.test_client().get(f"/jobs/{job_id}/report", headers=people["ada"]).json["steps"] == 3
    assert status("ada", f"/jobs/{job_id}/artifacts/executed.ipynb") == 200
    assert status("eve", f"/jobs/{job_id}/artifacts/executed.ipynb") == 404


class TestDeletingTheAccount:
    @pytest.fixture
    def ida(self, app, project, people):
        """Somebody who signed in just for this."""
        project.add_person("ida@example.org")
        answer = app.test_client().post("/auth/login", json={"email": "ida@example.org", "password": PASSWORD})
        people["ida"] = {"Authorization": f"Bearer {answer.json['access_token']}"}
        yield people["ida"]
        del people["ida"]
        project.people.pop("ida@example.org", None)

    def test_it_takes_rows_objects_and_the_sign_in(self, app, ida, project, services, upload, work):
        work()
        before = project.objects()
        dataset = upload("ida")
        work()
        assert any(dataset in name for name in project.objects())
        wrong = app.test_client().delete("/v1/user/profile", json={"email": "ada@example.org"}, headers=ida)
        assert (wrong.status_code, wrong.json["error"]["code"]) == (403, "not_confirmed")
        answer = app.test_client().delete("/v1/user/profile", json={"email": "Ida@example.org"}, headers=ida)
        assert answer.status_code == 200, answer.text
        assert answer.json["sign_in_remains"] is False
        assert project.objects() == before
        assert "ida@example.org" not in project.people
        assert "ada@example.org" in project.people
        with services.db.reading() as session:
            assert session.get(Dataset, dataset) is None

    def test_without_the_service_key_the_answer_says_that_the_sign_in_remains(self, settings, ida, project, services):
        changed = settings.model_copy(update={"supabase_service_key": None})
        other = create_app(changed)
        owner = services.authentication.caller(Credentials(bearer=ida["Authorization"].split()[1])).id
        other.test_client().post("/samples/harbour-bikes", headers=ida)
        answer = other.test_client().delete("/v1/user/profile", json={"email": "ida@example.org"}, headers=ida)
        other.extensions["tunebook"].db.close()
        assert answer.json["deleted"]["datasets"] == 1
        assert answer.json["sign_in_remains"] is True
        assert "Your sign-in itself remains with the Supabase project" in answer.json["message"]
        assert "ida@example.org" in project.people
        with services.db.reading() as session:
            assert session.scalar(select(Dataset).where(Dataset.owner == owner)) is None
            assert session.scalar(select(AuditEvent).where(AuditEvent.owner == owner)) is None


class TestInABrowser:
    @pytest.fixture
    def visitor(self, app):
        return app.test_client()

    def sign_in(self, visitor, password=PASSWORD):
        form = {"email": "ada@example.org", "password": password}
        return visitor.post("/sign-in", data=form, headers={"Sec-Fetch-Site": "same-origin", "Accept": "text/html"})

    def test_signing_in_and_out(self, visitor, upload, work):
        dataset = upload("ada")
        work()
        assert visitor.get(f"/preview/{dataset}").status_code == 404
        assert self.sign_in(visitor).status_code == 303
        assert visitor.get(f"/preview/{dataset}").status_code == 200
        visitor.post("/sign-out", headers={"Sec-Fetch-Site": "same-origin", "Accept": "text/html"})
        assert visitor.get(f"/preview/{dataset}").status_code == 404

    def test_a_page_outlives_its_token(self, visitor, project):
        project.expires_in = 60
        self.sign_in(visitor)
        project.expires_in = 3600
        before = set(project.sessions)
        assert visitor.get("/v1/user/profile").json["email"] == "ada@example.org"
        assert set(project.sessions) != before
        asked = len(project.asked)
        assert visitor.get("/v1/user/profile").status_code == 200
        assert len(project.asked) == asked

    def test_an_account_goes_by_its_email_address(self, visitor, project):
        project.add_person("ivo@example.org")
        form = {"email": "ivo@example.org", "password": PASSWORD}
        headers = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
        visitor.post("/sign-in", data=form, headers=headers)
        page = visitor.get("/settings/delete", headers=headers).text
        assert "To confirm, type ivo@example.org" in page
        assert "remains with the Supabase project" not in page
        refused = visitor.post("/settings/delete", data={"confirmation": "ivo"}, headers=headers)
        assert refused.status_code == 403
        assert "This is not the email address that you are signed in with." in refused.text
        gone = visitor.post(
            "/settings/delete", data={"confirmation": "ivo@example.org"}, headers=headers, follow_redirects=True
        )
        assert "Your account and everything in it is deleted." in gone.text
        assert "ivo@example.org" not in project.people
        assert visitor.get("/v1/user/profile").status_code == 401

    def test_one_whose_sign_in_is_over_is_a_visitor(self, visitor, project):
        project.expires_in = 60
        self.sign_in(visitor)
        project.expires_in = 3600
        project.sessions.clear()
        assert visitor.get("/v1/user/profile").status_code == 401
        assert visitor.get("/", headers={"Accept": "text/html"}).status_code == 200


@pytest.fixture
def server(project, tmp_path) -> Iterator[Server]:
    """The real server in this mode, with a worker whose jobs are processes of their own."""
    variables = {
        "TUNEBOOK_AUTH": "supabase",
        "SUPABASE_URL": project.url,
        "SUPABASE_KEY": project.anon_key,
        "SUPABASE_SERVICE_KEY": project.service_key,
    }
    made = Server(tmp_path, variables)
    made.start()
    yield made
    made.stop()


def test_what_a_jobs_own_process_makes_is_in_storage(server, project):
    dataset = server.post("/upload", files={"file": ("d.jsonl", jsonl(3))}).json()["session_id"]
    until(lambda: server.get(f"/analyze/{dataset}").status_code == 200, seconds=30)
    assert any(f"datasets/datasets/{dataset}/examples/" in name for name in project.objects())


def test_a_server_that_lacks_a_setting_says_so_and_does_not_start(project, tmp_path):
    settings = Settings(home=tmp_path, auth="supabase", supabase_url=project.url)
    with pytest.raises(Problem) as refused:
        serve(settings, "127.0.0.1", 0)
    assert (refused.value.code, "SUPABASE_KEY" in refused.value.message) == ("supabase_not_configured", True)
