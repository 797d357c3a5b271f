"""What of a conversation is looked up, and by what."""

from webapp.baselines.pairs import MAX_ANSWERS, MAX_CHARACTERS, Pair, pairs


def conversation(*messages):
    return {"messages": [dict(zip(("role", "content", "weight"), message, strict=False)) for message in messages]}


def test_every_answer_is_looked_up_by_all_that_comes_before_it():
    turns = [
        ("system", "Be kind."),
        ("user", "Hi"),
        ("assistant", "Hello!"),
        ("user", "Bye"),
        ("assistant", "Farewell."),
    ]
    first, second = pairs(conversation(*turns))
    assert first == Pair("Be kind.\nHi", "Hello!")
    assert second == Pair("Be kind.\nHi\nHello!\nBye", "Farewell.")


def test_an_answer_without_weight_is_not_looked_up():
    turns = [("user", "Hi"), ("assistant", "Hello!", 1), ("user", "Bye"), ("assistant", "Farewell.", 0)]
    assert pairs(conversation(*turns)) == (Pair("Hi", "Hello!"),)


def test_without_a_prompt_or_a_trained_answer_there_is_no_pair():
    assert pairs(conversation(("assistant", "Hello!"))) == ()
    assert pairs(conversation(("user", "Hi"), ("assistant", "Hello!", 0))) == ()


def test_a_call_is_an_answer():
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": '{"at": "sea"}'}}
    messages = [{"role": "user", "content": "Look"}, {"role": "assistant", "content": "", "tool_calls": [call]}]
    (pair,) = pairs({"messages": messages})
    assert '"name": "look"' in pair.answer


def test_of_a_long_one_the_end_of_the_prompt_and_the_beginning_of_the_answer_count():
    (pair,) = pairs(conversation(("user", "a" * 5000 + "z"), ("assistant", "y" + "b" * 5000)))
    assert len(pair.prompt) == len(pair.answer) == MAX_CHARACTERS
    assert (pair.prompt[-1], pair.answer[0]) == ("z", "y")


def test_of_many_answers_a_few_are_taken_from_all_over_the_conversation():
    turns = [turn for number in range(100) for turn in (("user", "?"), ("assistant", str(number)))]
    assert MAX_ANSWERS == 4
    assert [pair.answer for pair in pairs(conversation(*turns))] == ["0", "25", "50", "75"]
