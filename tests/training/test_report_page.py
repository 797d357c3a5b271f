from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from webapp.training.report_page import figure_rows, report_html

LOSS = {"before": [2.4, 2.6], "after": [1.1, 1.4], "change": [-1.4, -1.1]}
SAMPLE = {
    "prompt": "Q", "before": "B", "after": "A", "reference": "R", "metric": "rouge_l", "score_before": 0.5,
    "score_after": 0.25, "loss_before": 2.5, "loss_after": 1.25, "ended": False, "verdict": "worse",
}  # fmt: skip
REPORT = {
    "dataset_sha256": "ab" * 32,
    "base_model": "maker/model",
    "license": "Apache-2.0",
    "method": "lora",
    "miniature": False,
    "steps": 7,
    "rows": {"train": 20, "eval": 3, "cut": 0},
    "loss": {"eval_before": 2.5, "eval_after": 1.25, "train": [3.0, 2.0]},
    "perplexity": {"before": 12.18, "after": 3.49},
    "interval": {"level": 0.95, "resamples": 1000, "conversations": 3, "loss": LOSS, "perplexity": None},
    "metrics": {
        "kind": "text", "answers": 4, "worse": 1,
        "figures": [{"name": "rouge_l", "before": 0.1, "after": 0.2, "interval": None}],
    },
    "samples": [SAMPLE, SAMPLE | {"prompt": "Q2", "verdict": "better", "ended": True}],
    "alarms": [{"code": "no_end_of_turn", "message": "none of 4 ended"}],
    "template_sha256": "cd" * 32,
    "parameters": {"seed": 42, "push_to_hub": "<b>"},
    "versions": {"torch": "2.13.0"},
    "hardware": "Tesla T4",
    "training": {"evaluations": [(4, 1.5), (7, 1.25)]},
}  # fmt: skip


class Reader(HTMLParser):
    """What a page is made of: its tags with attributes, and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


PLAIN = Reader(report_html(REPORT))


def test_the_page_says_everything_the_report_holds():
    for words in (
        "Held-out loss 2.5 [2.4, 2.6] 1.25 [1.1, 1.4] -1.25 [-1.4, -1.1]",
        "Perplexity 12.18 3.49",
        "ROUGE-L 0.1 0.2 +0.1",
        "95% intervals in brackets: bootstrap over 3 held-out conversations",
        "1 of 4 answers to held-out prompts score lower than before (ROUGE-L); 2 are shown, regressions first.",
        "no_end_of_turn : none of 4 ended",
        "worse, not ended by itself",
        "ab" * 32,
        "cd" * 32,
        "Tesla T4",
        "torch 2.13.0",
        "20 trained on, 3 held out, 0 cut",
    ):
        assert words in PLAIN.text, words
    assert PLAIN.text.index("worse, not ended") < PLAIN.text.rindex("better")
    assert "miniature" not in PLAIN.text


def test_a_dry_run_is_called_one():
    assert "mean nothing for the real model" in Reader(report_html(REPORT | {"miniature": True})).text


def test_it_needs_nothing_from_elsewhere():
    assert not {tag for tag, _ in PLAIN.tags} & {"script", "link", "img", "iframe", "object"}
    assert not {name for _, names in PLAIN.tags for name in names} & {"src", "href", "onclick", "onerror", "style"}
    assert "default-src 'none'" in report_html(REPORT)


HOSTILE = st.text() | st.sampled_from(
    ["<script>alert(1)</script>", "</p></article></html>", '"><img src=x onerror=alert(1)>', "&lt;", "<!--", "]]>"]
)


@given(st.fixed_dictionaries(dict.fromkeys(("prompt", "before", "after", "reference"), HOSTILE)), HOSTILE)
def test_hostile_rows_are_text(values, name):
    report = REPORT | {"samples": [SAMPLE | values, SAMPLE], "base_model": name, "license": name}
    assert Reader(report_html(report)).tags == PLAIN.tags


def test_a_report_of_an_older_run_still_has_its_loss():
    old = {"loss": {"eval_before": 5.87, "eval_after": 3.86}}
    assert figure_rows(old) == [{"label": "Held-out loss", "before": "5.87", "after": "3.86", "change": "-2.01"}]


def test_what_was_exported_is_told():
    report = REPORT | {"export": {"merged": {"done": True, "message": "3 of 3 answers equal"}}}
    assert "Export 3 of 3 answers equal" in Reader(report_html(report)).text
    assert "Export" not in Reader(report_html(REPORT | {"export": {}})).text


def test_held_out_losses_on_the_way_are_on_the_curve():
    report = REPORT | {"training": {"evaluations": [(3, 2.0), (5, 1.5), (7, 1.25)]}}
    assert report_html(report).count("<circle") == 4
