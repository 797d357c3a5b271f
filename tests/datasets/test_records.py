"""The canonical form."""

from webapp.datasets.records import CalledFunction, Conversation, Message, ToolCall, encode

HELLO = [Message("user", "Hej då"), Message("assistant", 'Bye\u2028"now"')]


def test_a_canonical_line_is_compact_utf8_json_with_keys_in_order() -> None:
    assert encode(Conversation(HELLO)).decode() == (
        '{"messages":[{"role":"user","content":"Hej då"},{"role":"assistant","content":"Bye\u2028\\"now\\""}]}\n'
    )


def test_only_what_is_there_is_written() -> None:
    call = ToolCall("function", CalledFunction("f", '{"a":1}'))
    messages = [Message("assistant", "", weight=0, tool_calls=[call]), Message("tool", "5", tool_call_id="c1")]
    assert encode(Conversation(messages, [{"type": "function"}])) == (
        b'{"messages":[{"role":"assistant","content":"","weight":0,"tool_calls":[{"type":"function","function":'
        b'{"name":"f","arguments":"{\\"a\\":1}"}}]},{"role":"tool","content":"5","tool_call_id":"c1"}],'
        b'"tools":[{"type":"function"}]}\n'
    )
