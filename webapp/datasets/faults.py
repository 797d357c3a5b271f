"""What can be wrong with a line: a stable code, and how to mend it. OpenAI's own codes where it has one.

The first seven codes are those of OpenAI's cookbook, "Data preparation and analysis for chat model fine-tuning".
"""

import msgspec

from webapp.datasets.places import Steps, json_path

FIXES = {
    "data_type": "Write one JSON object a line, with values of the types of OpenAI's chat format.",
    "missing_messages_list": 'Give the line a "messages" list.',
    "message_missing_key": 'Give each message a "role" and a "content".',
    "message_unrecognized_key": "Remove the key or rename it to one of OpenAI's chat format.",
    "unrecognized_role": "Use system, developer, user, assistant, tool or function.",
    "missing_content": "Give the message some text.",
    "example_missing_assistant_message": "Add the answer to learn, as a message of the assistant.",
    "not_utf8": "Save the file as UTF-8.",
    "invalid_json": "Write one complete JSON object on each line.",
    "trailing_data": "Write one object on each line, and nothing after it.",
    "byte_order_mark": "Remove the mark; it is left where files were put one after another.",
    "duplicate_key": "Keep one of them; readers of JSON do not agree on which one counts.",
    "too_deep": "Nest lists and objects less deeply.",
    "line_too_long": "Split the conversation into several lines.",
    "non_finite_number": "Use null or an ordinary number; JSON has no NaN and no infinity.",
    "number_out_of_range": "Write it as text, or as a number of at most 64 bits.",
    "lone_surrogate": "Replace the half of a character pair, for instance an emoji that was cut in two.",
    "nul_character": "Remove the character U+0000.",
    "empty_messages": "Add messages, or remove the line.",
    "unsupported_content_part": "Keep only parts of type text.",
    "invalid_weight": "Use 0 or 1.",
    "invalid_tool_calls": 'Write each call as {"type": "function", "function": {"name", "arguments"}}.',
    "invalid_tool_arguments": "Write the arguments as a JSON object, or as text that holds one.",
    "invalid_tools": "Write tools as a list of objects that each name a function.",
    "unexpected_tool_calls": "Only a message of the assistant can call tools.",
    "unexpected_tool_message": "Put a tool's message after the assistant's message that calls it.",
    "unknown_tool_call_id": "Use the id of a call made earlier in the conversation.",
    "no_trained_message": "Give at least one answer the weight 1, or leave weights out.",
    "other_format": "Put rows of another format into a file of their own.",
    "missing_column": "Give each row the columns that say what it is.",
    "row_length": "Put quotation marks around cells that hold the delimiter.",
}


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong with one line: its code, and a message that says where, what and how to mend it.

    `steps` lead to the value it is about, None where the line is no JSON; `column` is 1-based and in characters, None
    where the fault has no place (or, in the making, where it is the value's).
    """

    code: str
    message: str
    steps: Steps | None = None
    column: int | None = None

    @property
    def path(self) -> str | None:
        """`steps` as a JSON path."""
        return None if self.steps is None else json_path(self.steps)


def fault(code: str, what: str, steps: Steps | None = None, column: int | None = None) -> Fault:
    """The fault `code`; `what` says in words what was found, without a full stop."""
    return Fault(code, f"{what[:1].upper()}{what[1:]}. {FIXES[code]}", steps, column)
