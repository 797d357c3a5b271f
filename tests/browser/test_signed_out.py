"""Signed out in another tab, or asking too often: nothing that was typed is lost, and nothing is left unsaid."""

import time

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select, update

from tests.browser.test_trying import tried
from tests.conftest import Server, app_with_tables, jsonl
from webapp import workflow
from webapp.accounts import directory
from webapp.jobs import claim, run_child
from webapp.settings import Settings
from webapp.storage import Database
from webapp.storage.tables import Dataset, Job, Notebook
from webapp.workflow.kinds import job_kinds

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
EMAIL, PASSWORD = "ada@example.org", "correct horse battery"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A store with the account of Ada, and her dataset."""
    made = tmp_path_factory.mktemp("home")
    with app_with_tables(Settings(home=made, auth="local")) as app:
        services = app.extensions["tunebook"]
        directory.add_account(services.db, EMAIL, PASSWORD, "Ada")
        workflow.upload(services, directory.find_person(services.db, EMAIL), "chats.jsonl", [jsonl(100)])
        while job := claim(services.db, "test", 60):
            run_child(services.db, job.id, job.attempt, job_kinds(services))
    return made


@pytest.fixture(scope="module")
def server(home):
    made = Server(home, {"TUNEBOOK_AUTH": "local", "TUNEBOOK_RATE_FREE": "1000"})
    made.start()
    yield made
    made.stop()


@pytest.fixture
def db(home):
    opened = Database(f"sqlite:///{home / 'tunebook.db'}")
    yield opened
    opened.close()


@pytest.fixture
def ada(page, server) -> Page:
    """Has signed in."""
    page.goto(server.url + "/sign-in")
    sign_in(page, server.url + "/")
    return page


@pytest.fixture
def plan(ada, server, db) -> str:
    """The address of a plan, which is shown."""
    with db.reading() as session:
        dataset_id = session.scalars(select(Dataset.id).where(Dataset.filename == "chats.jsonl")).one()
    address = f"{server.url}/datasets/{dataset_id}/plan?model_id=smollm2-360m"
    ada.goto(address)
    expect(ada.locator("#verdict")).to_contain_text("It fits.")
    return address


def sign_out_elsewhere(page: Page, server: Server) -> None:
    other = page.context.new_page()
    other.goto(server.url)
    other.get_by_role("button", name="Sign out").click()
    expect(other.get_by_role("link", name="Sign in to upload")).to_be_visible()
    other.close()


def sign_in_again(page: Page, leads_to: str) -> None:
    """By the link that the page shows, in a tab of its own."""
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="sign in again").click()
    sign_in(opened.value, leads_to)
    opened.value.close()


def sign_in(page: Page, leads_to: str) -> None:
    page.get_by_label("Email address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(leads_to)


def test_a_prompt_is_kept_and_asked_once_signed_in_again(ada, server, db):
    run, _ = tried(server, db)
    with db.session() as session:
        for table in (Dataset, Notebook, Job):
            session.execute(update(table).values(owner=directory.find_person(db, EMAIL).id))
    ada.goto(f"{server.url}/runs/{run}/try")
    ada.get_by_label("Your prompt").fill("Where is quay 7?")
    sign_out_elsewhere(ada, server)
    ada.get_by_role("button", name="Ask both").click()
    expect(ada.get_by_role("alert")).to_contain_text("You are signed out: sign in again")
    expect(ada.get_by_label("Your prompt")).to_have_value("Where is quay 7?")
    sign_in_again(ada, f"{server.url}/runs/{run}/try")
    ada.get_by_role("button", name="Ask both").click()
    expect(ada.locator(".tried").get_by_text("Where is quay 7?")).to_be_visible()
    expect(ada.get_by_label("Your prompt")).to_have_value("")
    expect(ada.get_by_role("alert")).to_have_count(0)


def test_a_plan_says_so_where_its_figures_are_and_once_more_where_it_is_sent(ada, plan, server):
    ada.get_by_label("Epochs", exact=True).fill("2")
    expect(ada.get_by_text("You set it")).to_be_visible()
    sign_out_elsewhere(ada, server)
    ada.get_by_label("Epochs", exact=True).fill("4")
    expect(ada.locator("#verdict")).to_contain_text("You are signed out: sign in again")
    sign_in_again(ada, plan)
    ada.get_by_label("Epochs", exact=True).fill("2")
    expect(ada.locator("#verdict")).to_contain_text("It fits.")
    sign_out_elsewhere(ada, server)
    ada.get_by_role("button", name="Make the notebook").click()
    expect(ada.get_by_role("status")).to_contain_text("You are signed out, so what you sent was not done.")
    sign_in(ada, plan)


@pytest.mark.usefixtures("plan")
def test_typing_without_a_rest_stays_within_the_requests_of_a_minute(ada):
    asked = []
    ada.on("request", lambda request: "/plan/check" in request.url and asked.append(request.url))
    began = time.monotonic()
    while time.monotonic() - began < 6:
        ada.get_by_label("Epochs", exact=True).press("ArrowUp")
        ada.wait_for_timeout(300)
    assert 2 <= len(asked) <= 6


@pytest.mark.usefixtures("plan")
def test_asking_too_often_names_the_wait_and_recomputes_after_it(ada):
    refusal = {"status": 429, "headers": {"Retry-After": "2"}, "body": "<p>Later</p>"}
    ada.route("**/plan/check*", lambda route: route.fulfill(**refusal), times=1)
    ada.get_by_label("Epochs", exact=True).fill("2")
    expect(ada.locator("#verdict")).to_have_text("Too many changes for one minute: this is recomputed in 2\u00a0s.")
    expect(ada.get_by_text("You set it")).to_be_visible()
    expect(ada.locator("#verdict")).to_contain_text("It fits.")
