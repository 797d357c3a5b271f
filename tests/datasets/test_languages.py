"""Languages, told from a sample."""

import random

import pytest

from webapp.datasets.languages import SAMPLE_EXAMPLES, LanguageSample
from webapp.datasets.records import Conversation, Message
from webapp.datasets.report import Languages

SENTENCES = {
    "en": "The bicycle has to be brought back before the harbour closes this evening.",
    "de": "Das Fahrrad muss heute Abend zurückgebracht werden, bevor der Hafen schließt.",
    "fr": "Le vélo doit être rapporté ce soir avant que le port ne ferme ses portes.",
    "es": "La bicicleta tiene que devolverse esta tarde antes de que cierre el puerto.",
    "it": "La bicicletta deve essere riportata questa sera prima che il porto chiuda.",
    "nb": "Sykkelen må leveres tilbake i kveld før havnen stenger, ellers blir det dyrt.",
    "ru": "Велосипед нужно вернуть сегодня вечером, до того как закроется гавань.",
    "zh": "请在今天晚上港口关闭之前把自行车还回来，否则我们将收取一天的额外费用，谢谢您的理解。",
    "ja": "今夜港が閉まる前に自転車を返してください。そうでなければ追加料金がかかります。",
    "he": "צריך להחזיר את האופניים הערב לפני שהנמל נסגר, אחרת זה יעלה יותר.",
}


def told(*texts: str) -> Languages:
    sample = LanguageSample()
    for line, text in enumerate(texts, 1):
        sample.add(Conversation([Message("user", text), Message("assistant", "")]), line)
    return sample.report()


@pytest.mark.parametrize("code", SENTENCES)
def test_languages(code: str) -> None:
    assert told(SENTENCES[code]) == Languages(1, {code: 1.0})


def test_shares_are_of_the_examples_that_can_be_told_the_largest_first() -> None:
    found = told(*[SENTENCES["fr"]] * 1, *[SENTENCES["en"]] * 3, "OK.", "12345 67890 12345 67890", "")
    assert found == Languages(4, {"en": 0.75, "fr": 0.25})
    assert list(found.shares) == ["en", "fr"]


def test_nothing_to_tell() -> None:
    assert told("Hi", "2 + 2 = 4") == Languages(0, {})


def test_system_prompts_do_not_count_and_newlines_are_spaces() -> None:
    sample = LanguageSample()
    german = SENTENCES["de"].replace(" ", "\n")
    sample.add(Conversation([Message("system", SENTENCES["en"] * 5), Message("assistant", german)]), 1)
    assert sample.report() == Languages(1, {"de": 1.0})


def test_a_large_set_is_sampled_the_same_way_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.datasets.languages._language", lambda text: text[:2])
    lines = [(line, Conversation([Message("user", "en" if line % 2 else "fr")])) for line in range(1, 20_001)]
    reports = []
    for _ in range(2):
        sample = LanguageSample()
        for line, conversation in lines:
            sample.add(conversation, line)
        reports.append(sample.report())
        random.Random(1).shuffle(lines)
    assert reports[0] == reports[1]
    assert reports[0].sampled == SAMPLE_EXAMPLES
    assert reports[0].shares["en"] == pytest.approx(0.5, abs=0.05)
