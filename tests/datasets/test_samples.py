"""What the bundled sample promises: its size, its kinds, its house style and its consistent facts."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

SAMPLE = Path(__file__).parents[2] / "webapp/datasets/samples/harbour_bikes.jsonl"
LINES = SAMPLE.read_text(encoding="utf-8").splitlines()
EXAMPLES: list[dict[str, Any]] = [json.loads(line) for line in LINES]

SIGN_OFF = "\n\nFair winds, Harbour Bikes"
STATIONS = {
    *("Lantern Quay", "Ropewalk", "Gull Steps", "Old Customs House", "Saltmarket", "Anchor Square"),
    *("Ferry Stage", "Mast Row", "Chandlers Bridge", "Sailcloth Lane", "Fishwife Stairs", "Windlass Street"),
    *("Tidemill", "Pilot's Green", "Beacon Rise", "Cooper's Yard", "Breakwater", "Harbour Park"),
    *("Kittiwake Point", "Lower Lock"),
}
CATEGORIES = {"billing", "bike_fault", "dock_fault", "lost_property", "account", "safety"}
# A pattern that only this language's replies match.
LANGUAGES = {
    "Dutch": r"\bJe vraagt\b",
    "French": r"\b(Vous|ne marche)\b",
    "German": r"\bDu\b",
    "Italian": r"\b(Vorresti|Chiedi|bici forse)\b",
    "Japanese": r"[ぁ-ん]",
    "Polish": r"\b(Pytasz|Nie pamiętasz)\b",
    "Portuguese": r"\b(Pergunta|Tem um|Quer)\b",
    "Spanish": r"\b(Quieres|Has dejado|Preguntas|tu viaje)\b",
    "Turkish": r"[ışğİ]",
}


def said_by(role: str, example: dict[str, Any]) -> list[str]:
    """The non-empty texts of a role; the message that only carries tool calls has none."""
    return [said["content"] for said in example["messages"] if said["role"] == role and said["content"]]


def system_prompt(example: dict[str, Any]) -> str:
    return "".join(said_by("system", example))


EXTRACTIONS = [example for example in EXAMPLES if "JSON" in system_prompt(example)]
FOREIGN = [example for example in EXAMPLES if system_prompt(example).endswith("in the customer's language.")]
WITH_TOOLS = [example for example in EXAMPLES if "tools" in example]
REPLIES = [example for example in EXAMPLES if example not in EXTRACTIONS + FOREIGN + WITH_TOOLS]
# Everything but the extractions is written in the house style.
STYLED = [answer for example in REPLIES + FOREIGN + WITH_TOOLS for answer in said_by("assistant", example)]
TICKETS = [(said_by("user", example)[0], said_by("assistant", example)[0]) for example in EXTRACTIONS]
RECORDS: list[dict[str, Any]] = [json.loads(answer) for _, answer in TICKETS]


def body(answer: str) -> str:
    return answer.removesuffix(SIGN_OFF)


def first_sentence(answer: str) -> str:
    return re.split(r"[.:](?=\s|$)|。", body(answer), maxsplit=1)[0]


def stems(text: str) -> set[str]:
    """The first four letters of every word of three or more, without those for the reader."""
    return {word[:4] for word in re.findall(r"[a-z0-9]{3,}", text.lower())} - {"you", "your", "the"}


class TestSize:
    def test_three_hundred_conversations_in_less_than_300_kb(self) -> None:
        assert len(EXAMPLES) == 300
        assert SAMPLE.stat().st_size < 300_000

    def test_every_kind_has_its_number(self) -> None:
        kinds = (REPLIES, EXTRACTIONS, FOREIGN, WITH_TOOLS)
        assert [len(kind) for kind in kinds] == [182, 90, 25, 3]

    def test_forty_five_replies_have_two_to_four_user_turns(self) -> None:
        turns = Counter(len(said_by("user", example)) for example in REPLIES)
        assert set(turns) == {1, 2, 3, 4}
        assert turns[2] + turns[3] + turns[4] == 45

    def test_most_conversations_have_a_system_prompt_and_some_have_none(self) -> None:
        without = sum(not system_prompt(example) for example in EXAMPLES)
        assert 15 <= without <= 30
        assert len({system_prompt(example) for example in EXAMPLES} - {""}) == 6

    def test_the_kinds_are_mixed(self) -> None:
        """Each sixth of the file holds extractions and replies, so its head and its tail are a fair split."""
        for start in range(0, 300, 50):
            assert 8 <= sum(example in EXTRACTIONS for example in EXAMPLES[start : start + 50]) <= 24


class TestShape:
    def test_every_line_is_a_whole_conversation(self) -> None:
        """An optional system prompt, then questions and answers in turn; tools may come between the two."""
        for line, example in enumerate(EXAMPLES, start=1):
            assert set(example) <= {"messages", "tools"}, line
            roles = "".join(f"{message['role']} " for message in example["messages"])
            tool_calls = "(assistant (tool )+)?" if "tools" in example else ""
            assert re.fullmatch(rf"(system )?(user {tool_calls}assistant )+", roles), line

    def test_every_message_says_something_or_calls_a_tool(self) -> None:
        for line, example in enumerate(EXAMPLES, start=1):
            for message in example["messages"]:
                if "tool_calls" in message:
                    assert message["content"] is None, line
                else:
                    assert message["content"].strip() == message["content"] != "", line

    def test_text_is_written_as_it_is_not_as_escapes(self) -> None:
        """One LF-terminated line an example, no byte order mark, non-ASCII characters as UTF-8."""
        raw = SAMPLE.read_bytes()
        assert raw.count(b"\n") == raw.count(b"}\n") == 300
        assert b"\r" not in raw
        assert not raw.startswith(b"\xef\xbb\xbf")
        assert not re.search(rb"\\u[0-9a-f]{4}", raw)

    def test_characters_that_need_care_are_present(self) -> None:
        text = "\n".join(said for example in EXAMPLES for said in said_by("user", example))
        for character in ('"', "'", "\\", "{", "}", "<", "&", "`", "\n", "\t", "*", "👍", "“", "…"):
            assert character in text, repr(character)


class TestNoRepetition:
    def test_no_conversation_comes_twice(self) -> None:
        assert len({json.dumps(example["messages"], sort_keys=True) for example in EXAMPLES}) == 300

    def test_no_question_and_no_answer_comes_twice(self) -> None:
        for role in ("user", "assistant"):
            said = [" ".join(text.lower().split()) for example in EXAMPLES for text in said_by(role, example)]
            assert [text for text, count in Counter(said).items() if count > 1] == []


class TestHouseStyle:
    def test_every_reply_ends_with_the_sign_off(self) -> None:
        for answer in STYLED:
            assert answer.endswith(SIGN_OFF), answer
            assert answer.count("Fair winds") == 1, answer

    def test_no_exclamation_marks(self) -> None:
        assert [answer for answer in STYLED if set("!¡！") & set(answer)] == []

    def test_times_are_in_24_hour_form(self) -> None:
        assert [answer for answer in STYLED if re.search(r"\b\d{1,2}(:\d\d)?\s?[ap]\.?m\b", answer)] == []
        for time in re.findall(r"\d+:\d+", "\n".join(STYLED)):
            assert re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", time), time

    def test_money_is_in_pounds_with_two_decimals(self) -> None:
        for answer in STYLED:
            assert all(re.match(r"\d+\.\d\d(?!\d)", amount) for amount in answer.split("£")[1:]), answer
            assert not re.search(r"\d\s?(pounds?|quid|pence)\b", answer), answer

    def test_steps_come_in_twos_to_fours_and_about_as_often_as_single_facts(self) -> None:
        steps = [re.findall(r"^(\d)\. ", answer, flags=re.MULTILINE) for answer in STYLED]
        assert {"".join(numbers) for numbers in steps} <= {"", "12", "123", "1234"}
        assert 0.3 <= sum(map(bool, steps)) / len(steps) <= 0.7

    def test_replies_are_short(self) -> None:
        words = [len(answer.split()) for answer in STYLED]
        assert max(words) <= 90
        assert sum(count >= 20 for count in words) >= 0.97 * len(words)

    def test_the_first_sentence_is_a_plain_statement(self) -> None:
        for answer in STYLED:
            opening = first_sentence(answer)
            assert len(opening.split()) <= 25, opening
            assert "?" not in opening, opening

    def test_the_first_sentence_speaks_of_what_the_customer_wrote(self) -> None:
        """It shares a word's stem with the questions so far; an emoji or a bare "ok" leaves none to share."""
        shared = []
        for example in REPLIES:
            told: set[str] = set()
            for question, answer in zip(said_by("user", example), said_by("assistant", example), strict=True):
                told |= stems(question)
                shared.append(bool(told & stems(first_sentence(answer))))
        assert sum(shared) >= 0.97 * len(shared)


class TestExtraction:
    def test_a_ticket_becomes_one_line_of_compact_json(self) -> None:
        for _, answer in TICKETS:
            assert answer == json.dumps(json.loads(answer), ensure_ascii=False, separators=(",", ":"))

    def test_the_record_has_always_the_same_keys_and_kinds_of_values(self) -> None:
        for record in RECORDS:
            assert list(record) == ["category", "station", "bike_id", "urgency", "refund", "summary"]
            assert record["urgency"] in {"low", "normal", "high"}
            assert isinstance(record["refund"], bool)
            assert 1 <= len(record["summary"].split()) <= 10

    def test_the_station_is_one_the_ticket_names(self) -> None:
        for (ticket, _), record in zip(TICKETS, RECORDS, strict=True):
            named = {station for station in STATIONS if station.lower() in ticket.lower()}
            assert record["station"] in named or not (named or record["station"]), ticket

    def test_the_bike_number_is_the_ticket_s_in_its_official_form(self) -> None:
        for (ticket, _), record in zip(TICKETS, RECORDS, strict=True):
            if record["bike_id"] is None:
                assert not re.search(r"HB[- ]*\d{4}", ticket, re.IGNORECASE), ticket
            else:
                assert re.fullmatch(r"HB-\d{4}", record["bike_id"]), ticket
                assert record["bike_id"][3:] in ticket, ticket

    def test_the_labels_are_balanced(self) -> None:
        assert Counter(record["category"] for record in RECORDS) == dict.fromkeys(CATEGORIES, 15)
        assert min(Counter(record["urgency"] for record in RECORDS).values()) >= 15
        assert 15 <= sum(record["refund"] for record in RECORDS) <= 30
        assert {record["station"] for record in RECORDS} - {None} == STATIONS
        for key in ("station", "bike_id"):
            assert 20 <= sum(record[key] is None for record in RECORDS) <= 50, key


class TestLanguages:
    def test_twenty_five_replies_in_nine_languages_besides_english(self) -> None:
        answers = [said_by("assistant", example)[0] for example in FOREIGN]
        spoken = [[name for name, mark in LANGUAGES.items() if re.search(mark, body(answer))] for answer in answers]
        assert [len(names) for names in spoken] == [1] * 25
        assert {names[0] for names in spoken} == set(LANGUAGES)


class TestToolCalls:
    @pytest.mark.parametrize("example", WITH_TOOLS)
    def test_calls_fit_the_offered_tools_and_each_is_answered(self, example: dict[str, Any]) -> None:
        offered = {tool["function"]["name"]: tool["function"]["parameters"] for tool in example["tools"]}
        calls = [call for message in example["messages"] for call in message.get("tool_calls", [])]
        for call in calls:
            parameters = offered[call["function"]["name"]]
            assert call["type"] == "function"
            assert set(json.loads(call["function"]["arguments"])) == set(parameters["required"])
        results = [message for message in example["messages"] if message["role"] == "tool"]
        assert [result["tool_call_id"] for result in results] == [call["id"] for call in calls] != []
        assert all(isinstance(json.loads(result["content"]), dict) for result in results)
        assert example["messages"][-1]["role"] == "assistant"


class TestFacts:
    """What a model can learn by heart is told alike everywhere."""

    @pytest.mark.parametrize(
        ("words", "price"),
        [
            ("£{} collection fee", "15.00"),
            ("£{} for the first 30 minutes", "1.50"),
            ("£{} for the first 20 minutes", "2.50"),
            ("Captain (?:is|for) £{}", "120.00"),
            ("Crew (?:is|for) £{}", "14.00"),
            ("Student Crew (?:costs|kost) £{}", "9.00"),
        ],
    )
    def test_a_price_is_the_same_in_every_reply(self, words: str, price: str) -> None:
        told = re.findall(words.format(r"(\d+\.\d\d)"), "\n".join(STYLED))
        assert len(told) >= 2
        assert set(told) == {price}

    def test_bike_numbers_tell_the_kind_of_bike(self) -> None:
        """Standard bikes lie from 2001 to 4999, e-bikes in the 7000s, cargo bikes from 9000 to 9099."""
        said = "\n".join(
            text for role in ("user", "assistant") for example in EXAMPLES for text in said_by(role, example)
        )
        numbers = {int(digits) for digits in re.findall(r"HB-(\d{4})", said)}
        assert len(numbers) >= 60
        assert {n for n in numbers if not (2001 <= n <= 4999 or 7000 <= n <= 7999 or 9000 <= n <= 9099)} == set()


class TestPrivacy:
    @pytest.mark.parametrize(
        "pattern",
        [
            pytest.param(r"\S@\S", id="email or handle"),
            pytest.param(r"\d(?:[ ()-]?\d){6,}", id="phone, card or account number"),
            pytest.param(r"https?://|www\.|\b\w+\.(?:com|org|net|uk)\b", id="web address"),
            pytest.param(r"\b[A-Z]{1,2}\d{1,2}[A-Z]? ?\d[A-Z]{2}\b", id="postcode"),
            pytest.param(r"\b(?:Mr|Mrs|Ms|Dr)\.? [A-Z]", id="titled name"),
            pytest.param(r"(?:[Mm]y name is|I am|I'm) [A-Z][a-z]+", id="introduced name"),
        ],
    )
    def test_no_personal_data(self, pattern: str) -> None:
        said = [message["content"] or "" for example in EXAMPLES for message in example["messages"]]
        found = [match.group() for text in said for match in re.finditer(pattern, text)]
        assert found == []
