"""`/analyze` and `/preview`: every row of a file is either shown or named."""

import json

import pytest

from webapp.api import datasets
from webapp.datasets import MAX_LINE_BYTES, sample_path
from webapp.datasets import analyze as analyze_file

GOOD = {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Good day."}]}
GOOD_LINE = json.dumps(GOOD).encode()


def test_the_report_is_that_of_the_datasets_package(client, sample):
    answer = client.get(f"/analyze/{sample}")
    assert answer.status_code == 200
    assert answer.json == {
        "session_id": sample,
        "expires_at": None,
        **json.loads(json.dumps(analyze_file(sample_path()).to_dict())),
    }


def test_the_report_has_the_fields_of_the_reference(client, sample):
    report = client.get(f"/analyze/{sample}").json
    assert report["total_examples"] == 300
    assert report["format_valid"] is True
    assert 0 <= report["quality_score"] <= 1
    assert report["avg_tokens_per_example"] == pytest.approx(report["total_tokens"] / 300, abs=0.01)


def test_an_analysis_that_takes_longer_than_the_wait_is_202(client, send, monkeypatch):
    monkeypatch.setattr(datasets, "WAIT_SECONDS", 0.2)
    session_id = send(GOOD_LINE).json["session_id"]
    answer = client.get(f"/analyze/{session_id}")
    assert answer.status_code == 202
    assert answer.headers["Retry-After"] == "1"
    assert answer.json["status"] == "queued"
    assert client.get(answer.json["status_url"]).json["session_id"] == session_id


@pytest.mark.parametrize("path", ["/preview/{}", "/preview/{}/distribution", "/preview/{}/duplicates"])
def test_nothing_is_shown_before_the_analysis_is_done(client, send, path):
    answer = client.get(path.format(send(GOOD_LINE).json["session_id"]))
    assert answer.status_code == 409
    assert answer.json["error"]["code"] == "analysis_pending"
    assert answer.headers["Retry-After"] == "1"


@pytest.mark.parametrize("path", ["/analyze/{}", "/preview/{}", "/preview/{}/distribution", "/preview/{}/duplicates"])
@pytest.mark.parametrize(
    "session_id", ["0e7a4c1e-5f5f-4a53-9a3c-0d9f7f3b8a11", "nonsense", "..", "%00", "a" * 300, "' OR 1=1 --"]
)
def test_an_unknown_dataset_is_404(client, path, session_id):
    answer = client.get(path.format(session_id))
    assert answer.status_code == 404
    assert answer.json["error"]["code"] == "dataset_not_found"
    assert answer.json["error"]["param"] == "session_id"


def test_an_id_may_be_spelt_in_capitals(client, sample):
    assert client.get(f"/preview/{sample.upper()}").status_code == 200


def test_a_page_of_examples(client, sample):
    answer = client.get(f"/preview/{sample}?page=3&page_size=7").json
    assert answer["total_count"] == 300
    assert (answer["page"], answer["page_size"]) == (3, 7)
    assert [example["index"] for example in answer["examples"]] == list(range(14, 21))
    first = answer["examples"][0]
    assert first["line"] == 15
    assert first["token_count"] > 0
    assert {"role", "content"} <= set(first["messages"][0])


def test_a_page_has_five_examples_by_default(client, sample):
    assert len(client.get(f"/preview/{sample}").json["examples"]) == 5


def test_a_page_after_the_last_is_empty(client, sample):
    for query in ("page=1000000", "after=299"):
        answer = client.get(f"/preview/{sample}?{query}")
        assert answer.json["examples"] == []
        assert "Link" not in answer.headers


def test_a_page_of_long_rows_ends_early_and_leads_to_the_rest(client, analysed, monkeypatch):
    monkeypatch.setattr("webapp.datasets.examples.MOST_BYTES", 16_000)
    long = {"messages": [{"role": "user", "content": "a " * 1500}, GOOD["messages"][1]]}
    rows = [GOOD, *[long] * 6, *[GOOD] * 3]
    path = f"/preview/{analysed(b''.join(json.dumps(row).encode() + b'%c' % 10 for row in rows))}?page_size=100"
    pages = []
    while path:
        answer = client.get(path)
        assert answer.json["total_count"] == 10
        pages.append([example["index"] for example in answer.json["examples"]])
        path = answer.headers.get("Link", "").removeprefix("<").removesuffix('>; rel="next"')
    assert pages == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9]]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=one", "page"),
        ("page=1.5", "page"),
        ("page=", "page"),
        ("page_size=0", "page_size"),
        ("page_size=101", "page_size"),
        ("page_size=1000000000", "page_size"),
        ("page=" + "9" * 5000, "page"),
    ],
)
def test_a_page_that_cannot_be_is_refused_by_name(client, sample, query, param):
    answer = client.get(f"/preview/{sample}?{query}")
    assert answer.status_code == 400
    assert answer.json["error"]["param"] == param


def test_the_distribution(client, sample):
    answer = client.get(f"/preview/{sample}/distribution").json
    assert set(answer) == {
        "roles",
        "avg_message_length",
        "token_distribution",
        "has_system_prompts",
        "multi_turn_percentage",
        "turns",
    }
    assert sum(answer["token_distribution"].values()) == sum(answer["turns"].values()) == 300


def test_duplicates(client, analysed):
    session_id = analysed(GOOD_LINE + b"\n" + json.dumps({**GOOD, "x": 1}).encode() + b"\n" + GOOD_LINE)
    assert client.get(f"/preview/{session_id}/duplicates").json["count"] >= 1


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + GOOD_LINE,
        GOOD_LINE + b"\r\n" + GOOD_LINE + b"\r\n",
        b"\n\n" + GOOD_LINE + b"\n   \n",
        GOOD_LINE,
    ],
    ids=["BOM", "CRLF", "blank lines", "no newline at the end"],
)
def test_harmless_oddities_are_simply_read(client, analysed, content):
    report = client.get(f"/analyze/{analysed(content)}").json
    assert report["format_valid"] is True
    assert report["invalid_lines"] == {"count": 0, "items": []}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (GOOD_LINE.replace(b"Hello", b"caf\xe9"), "not_utf8"),
        (GOOD_LINE[:30], "invalid_json"),
        (GOOD_LINE[:-1] + b', "tools": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too_deep"),
        (b"x" * (MAX_LINE_BYTES + 1), "line_too_long"),
        (GOOD_LINE[:-1] + b', "score": NaN}', "non_finite_number"),
        (GOOD_LINE.replace(b"Hello", b"\\ud83d"), "lone_surrogate"),
        (GOOD_LINE.replace(b"Hello", b"a\\u0000b"), "nul_character"),
    ],
    ids=["not UTF-8", "not JSON", "too deep", "longer than the cap", "NaN", "lone surrogate", "NUL"],
)
def test_a_bad_line_is_named_and_the_others_count(client, analysed, line, code):
    session_id = analysed(b"\n".join([GOOD_LINE, line, GOOD_LINE]))
    report = client.get(f"/analyze/{session_id}").json
    assert report["total_examples"] == 2
    assert report["format_valid"] is False
    assert report["invalid_lines"]["count"] == 1
    (item,) = report["invalid_lines"]["items"]
    assert set(item) == {"line", "column", "path", "code", "message"}
    assert item["line"] == 2
    assert item["message"]
    assert item["code"] == code


def test_no_valid_example_at_all_is_an_error_with_the_first_bad_lines(client, analysed):
    session_id = analysed(b"not json\n" * 40)
    for path in (f"/analyze/{session_id}", f"/preview/{session_id}"):
        answer = client.get(path)
        assert answer.status_code == 400
        assert answer.json["error"]["code"] == "no_valid_examples"
        bad = answer.json["error"]["details"]["invalid_lines"]
        assert bad["count"] == 40
        first = bad["items"][0]
        assert (first["line"], first["column"], first["path"], first["code"]) == (1, 1, None, "invalid_json")


ODD = b'{"frage": "Was?", "antwort": "Das."}\n' * 3
PARTS = {"frage": "prompt", "antwort": "completion"}


def test_a_question_is_answered_by_a_mapping(client, analysed, work):
    session_id = analysed(ODD)
    asked = client.get(f"/analyze/{session_id}")
    assert asked.status_code == 400
    error = asked.json["error"]
    assert error["code"] == "ambiguous_format"
    assert [column["name"] for column in error["details"]["columns"]] == ["frage", "antwort"]
    answer = client.post(f"/datasets/{session_id}/mapping", json={"map": PARTS})
    assert (answer.status_code, answer.headers["Retry-After"]) == (202, "1")
    assert client.get(answer.json["status_url"]).json["kind"] == "analysis"
    work()
    report = client.get(f"/analyze/{session_id}").json
    assert (report["total_examples"], report["source"]["mapping"]) == (3, PARTS)
    assert client.get(f"/preview/{session_id}").json["examples"][0]["messages"][0]["content"] == "Was?"


def test_an_analysed_dataset_can_be_mapped_anew(client, analysed, work):
    session_id = analysed(b'{"question": "a", "answer": "b", "better": "c"}\n' * 2)
    client.post(f"/datasets/{session_id}/mapping", json={"map": {"question": "prompt", "better": "completion"}})
    assert client.get(f"/preview/{session_id}").status_code == 409
    work()
    assert client.get(f"/preview/{session_id}").json["examples"][0]["messages"][1]["content"] == "c"


def test_a_mapping_has_to_wait_for_the_analysis_under_way(client, send):
    session_id = send(ODD).json["session_id"]
    answer = client.post(f"/datasets/{session_id}/mapping", json={"map": PARTS})
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "analysis_pending")
    assert answer.headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_request"),
        ({"map": {}}, "invalid_request"),
        ({"map": {"frage": 1}}, "invalid_request"),
        ({"map": {"frage": "prompt"}}, "invalid_mapping"),
        ({"map": {"frage": "question"}}, "invalid_mapping"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_at_once(client, analysed, body, code):
    answer = client.post(f"/datasets/{analysed(ODD)}/mapping", json=body)
    assert (answer.status_code, answer.json["error"]["code"]) == (400, code)


def test_a_mapping_of_an_unknown_column_ends_the_analysis_with_its_name(client, analysed, work):
    session_id = analysed(ODD)
    client.post(f"/datasets/{session_id}/mapping", json={"map": {"frage": "prompt", "antwrt": "completion"}})
    work()
    error = client.get(f"/analyze/{session_id}").json["error"]
    assert (error["code"], error["param"]) == ("unknown_column", "map")


def test_fewer_than_fifty_examples_work_with_a_warning(client, analysed):
    report = client.get(f"/analyze/{analysed(GOOD_LINE)}").json
    assert any(issue["severity"] in ("warning", "error") for issue in report["quality_issues"])


def test_all_lines_of_an_issue_are_listed_by_pages(client, send, work):
    rows = [json.dumps({**GOOD, "id": n}) for n in range(45)]
    session_id = send("\n".join(["{}", *rows]).encode()).json["session_id"]
    assert client.get(f"/analyze/{session_id}/issues/exact_duplicates").status_code == 409
    work()
    first = client.get(f"/analyze/{session_id}/issues/exact_duplicates?page_size=40").json
    assert first == {"lines": list(range(3, 43)), "total_count": 44, "page": 1, "page_size": 40}
    second = client.get(f"/analyze/{session_id}/issues/exact_duplicates?page=2&page_size=40").json
    assert second["lines"] == [43, 44, 45, 46]
    assert client.get(f"/analyze/{session_id}/issues/exact_duplicates?page=9").json["lines"] == []
    assert client.get(f"/analyze/{session_id}/issues/invalid_lines").json["lines"] == [1]


@pytest.mark.parametrize("code", ["nonsense", "few_examples", "%00"])
def test_a_list_that_no_issue_has_is_404(client, sample, code):
    answer = client.get(f"/analyze/{sample}/issues/{code}")
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "unknown_issue")
