"""Languages, told from a sample."""

import pytest

from webapp.datasets.languages import SAMPLE_CHARACTERS, excerpt, languages
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
    return languages(excerpt(Conversation([Message("user", text), Message("assistant", "")])) for text in texts)


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
    german = SENTENCES["de"].replace(" ", "\n")
    conversation = Conversation([Message("system", SENTENCES["en"] * 5), Message("assistant", german)])
    assert excerpt(conversation) == SENTENCES["de"] + " "
    assert languages([excerpt(conversation)]) == Languages(1, {"de": 1.0})


def test_an_excerpt_is_bounded() -> None:
    assert len(excerpt(Conversation([Message("user", "word " * 1000), Message("assistant", "a")]))) == SAMPLE_CHARACTERS
