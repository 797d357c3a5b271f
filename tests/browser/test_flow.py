"""A person's whole way through the pages, in a real browser, against the real server."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy import select

from webapp.storage import Database
from webapp.storage.tables import Job, utc_now

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> {{ 7*7 }} %%bash"


@pytest.fixture
def watched(new_context):
    """A page on which any dialog, script error or refused resource fails the test."""
    trouble = []
    page = new_context().new_page()
    page.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda message: message.type in ("error", "warning") and trouble.append(message.text))
    yield page
    assert trouble == []


def assert_accessible(page: Page) -> None:
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def test_from_the_sample_to_a_tested_notebook(watched, server, tmp_path):
    page = watched
    page.goto(server.url)
    assert_accessible(page)
    page.get_by_role("button", name="Try the sample").click()
    expect(page.get_by_role("heading", name="harbour_bikes.jsonl")).to_be_visible()
    expect(page.get_by_text("Valid conversations")).to_be_visible(timeout=20_000)
    assert_accessible(page)
    page.get_by_role("link", name="Choose a model").click()
    page.get_by_role("checkbox", name="Compare").nth(0).check()
    page.get_by_role("checkbox", name="Compare").nth(1).check()
    page.get_by_role("button", name="Compare the two").click()
    expect(page.get_by_role("region", name="Side by side")).to_be_visible()
    page.get_by_text("More models that fit").click()
    assert_accessible(page)
    page.get_by_role("link", name="Choose SmolLM2 1.7B").click()
    page.get_by_text("All settings").click()
    rank = page.get_by_label("LoRA rank")
    rank.fill("9000")
    expect(page.get_by_text("Input should be less than or equal to 256")).to_be_visible()
    assert_accessible(page)
    rank.fill("8")
    expect(page.get_by_text("You set it; suggested is 16.")).to_be_visible()
    expect(rank).to_be_focused()
    page.get_by_label("GPU").select_option("a100-80")
    page.get_by_label("Method").select_option("full")
    expect(page.get_by_label("Learning rate", exact=True)).to_have_value("2e-05")
    page.get_by_label("GPU").select_option("t4")
    expect(page.get_by_role("status")).to_contain_text("It cannot work.")
    page.get_by_label("Method").select_option("lora")
    expect(page.get_by_role("status")).to_contain_text("It fits.")
    learned = page.locator(".rendered mark").first
    expect(learned).to_contain_text("Fair winds, Harbour Bikes<|im_end|>")
    page.locator("summary", has_text="Line 2 as SmolLM2 1.7B").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".rendered").nth(1)).to_be_visible()
    assert_accessible(page)
    page.emulate_media(color_scheme="dark")
    assert_accessible(page)
    page.emulate_media(color_scheme="light")
    page.get_by_role("button", name="Make the notebook").click()
    cells = page.locator("#cells")
    expect(cells.locator("li").first).to_contain_text("done", timeout=60_000)
    expect(page.get_by_text("Run on your rows:")).to_be_visible(timeout=120_000)
    expect(cells.locator("li.done")).to_have_count(cells.locator("li").count())
    expect(page.get_by_role("button", name="Copy")).to_be_visible()
    expect(page.get_by_text("mean nothing for the real")).to_be_visible()
    assert_accessible(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download .ipynb").click()
    path = tmp_path / "notebook.ipynb"
    download.value.save_as(path)
    assert download.value.suggested_filename == "harbour_bikes-smollm2-1.7b.ipynb"
    assert "lora_rank = 8" in path.read_text()
    page.get_by_role("button", name="Look for a link to Colab").click()
    expect(page.get_by_text("There is no link: Neither GITHUB_TOKEN nor")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("link", name="See its result").click()
    expect(page.get_by_role("heading", name="Answers side by side")).to_be_visible()
    expect(page.get_by_text("tunebook verify receipt.json")).to_be_visible()
    assert_accessible(page)


def test_a_hostile_dataset_is_shown_as_text(watched, server, tmp_path: Path):
    page = watched
    path = tmp_path / "<img src=x onerror=alert(3)>.jsonl"
    turns = [{"role": role, "content": f"{HOSTILE} {role}"} for role in ("system", "user", "assistant")]
    lines = [json.dumps({"messages": turns, HOSTILE: 1})] * 12 + [json.dumps({"messages": [{"role": HOSTILE}]})]
    path.write_text("\n".join(lines))
    page.goto(server.url)
    page.get_by_label("JSON lines, JSON, CSV").set_input_files(path)
    page.get_by_role("button", name="Upload and analyse").click()
    expect(page.get_by_text(f"{HOSTILE} assistant").first).to_be_visible(timeout=20_000)
    expect(page.get_by_role("heading", name=path.name)).to_be_visible()
    assert_accessible(page)


def test_a_file_without_conversations_is_refused_with_its_lines(page, server, tmp_path: Path):
    path = tmp_path / "bad.jsonl"
    path.write_text("not json\n[]\n")
    page.goto(server.url)
    page.get_by_label("JSON lines, JSON, CSV").set_input_files(path)
    page.get_by_role("button", name="Upload and analyse").click()
    expect(page.get_by_text("invalid_json")).to_be_visible(timeout=20_000)


def test_without_scripts_the_pages_still_lead_to_the_end(browser, server):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server.url)
    page.get_by_role("button", name="Try the sample").click()
    expect(page.get_by_text("Valid conversations")).to_be_visible(timeout=20_000)
    page.get_by_role("link", name="Choose a model").click()
    page.get_by_role("link", name="Choose").first.click()
    page.get_by_label("LoRA rank").fill("8")
    page.get_by_role("button", name="Recompute").click()
    expect(page.get_by_text("You set it; suggested is 16.")).to_be_visible()
    page.get_by_label("Run a dry run").uncheck()
    page.get_by_role("button", name="Make the notebook").click()
    expect(page.get_by_text("This notebook has not been run yet.")).to_be_visible()
    expect(page.get_by_role("link", name="Download .ipynb")).to_be_visible()
    page.get_by_role("link", name="Look inside").click()
    expect(page.get_by_role("region", name="Code cell 1", exact=True)).to_be_visible()
    context.close()


def test_columns_are_asked_for_and_rows_are_fixed_and_the_fix_undone(page, server, tmp_path: Path):
    path = tmp_path / "fragen.csv"
    rows = [f"Wo steht Rad {n}?,Am Anleger {n % 7} auf Platz {n * n}; Post an rad{n}@hafen-rad.de." for n in range(30)]
    path.write_text("\n".join(["frage,antwort", *rows]))
    page.goto(server.url)
    page.get_by_label("JSON lines, JSON, CSV").set_input_files(path)
    page.get_by_role("button", name="Upload and analyse").click()
    expect(page.get_by_role("heading", name="Which column is what?")).to_be_visible(timeout=20_000)
    assert_accessible(page)
    page.get_by_label("frage").select_option("prompt")
    page.get_by_label("antwort").select_option("completion")
    page.get_by_role("button", name="Analyse again").click()
    expect(page.get_by_text("Valid conversations")).to_be_visible(timeout=20_000)
    assert_accessible(page)
    page.locator("input[name=redact]").check()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("[EMAIL_1]").locator("visible=true").first).to_be_visible(timeout=20_000)
    assert_accessible(page)
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("button", name="Undo the last fix")).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="Undo the last fix").click()
    expect(page.get_by_role("button", name="Redo")).to_be_visible(timeout=20_000)
    assert_accessible(page)


def test_the_estimates_of_another_method_are_a_form_away(page, server):
    page.goto(f"{server.url}/estimates")
    assert_accessible(page)
    page.get_by_label("Method").select_option("qlora")
    page.get_by_role("button", name="Estimate").click()
    expect(page.get_by_role("heading", name="QLoRA, 2 rows of 1,024 tokens")).to_be_visible()
    assert_accessible(page)


def test_what_is_measured_after_the_analysis_comes_into_the_page_and_what_was_chosen_stays(watched, server, tmp_path):
    page = watched
    page.goto(server.url)
    page.get_by_role("button", name="Try the sample").click()
    page.get_by_role("link", name="Choose a model").click(timeout=20_000)
    gate = page.locator("#gate")
    expect(gate).to_contain_text("held-out answers", timeout=20_000)
    measured = next(server.home.rglob("gate.json"))
    measured.rename(tmp_path / "gate.json")
    _set_analysis(server, status="running", lease_until=utc_now() + timedelta(hours=1))  # this test plays the job
    page.reload()
    expect(gate).to_contain_text("Not measured yet")
    page.get_by_label("Which GPU trains it?").select_option("l4")
    (tmp_path / "gate.json").rename(measured)
    _set_analysis(server, status="completed", lease_until=None)
    expect(gate).to_contain_text("held-out answers", timeout=20_000)
    expect(page.get_by_label("Which GPU trains it?")).to_have_value("l4")


def _set_analysis(server, **values):
    db = Database(f"sqlite:///{server.home / 'tunebook.db'}")
    with db.session() as session:
        job = session.scalars(select(Job).where(Job.kind == "analysis")).one()
        for name, value in values.items():
            setattr(job, name, value)
    db.close()
