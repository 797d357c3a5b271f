"""Hypothesis strategies for valid conversations in canonical form: any order of roles, weights, calls and tools."""

import json

from hypothesis import strategies as st

WORDS = ("Yes.", "a", "<|im_end|>", "</s>", "Ünï 🚲", "{{ 7 * 7 }}", "<think>\n\n</think>\n\n", "[INST]", "None")
BLANKS = (" ", "\n\n", "\t \u2003", "\u3000")
characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
contents = st.sampled_from((*WORDS, *BLANKS)) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8
)
CALL = {
    "type": "function",
    "function": {"name": "status", "arguments": json.dumps({"bike": 7, "note": "é"}, separators=(",", ":"))},
}
TOOLS = [{"type": "function", "function": {"name": "status", "parameters": {"type": "object"}}}]


def message(role, content, weight=None, calls=None):
    made = {"role": role, "content": content}
    made |= {"weight": weight} if weight is not None else {}
    return made | ({"tool_calls": calls} if calls else {})


answers = st.builds(
    message, st.just("assistant"), contents, st.sampled_from((None, None, 0, 1)), st.sampled_from((None, None, [CALL]))
)
others = st.builds(message, st.sampled_from(("system", "user", "user", "tool")), contents)


def is_valid(conversation):
    """Whether the analysis would take it: an answer that counts, and no tool's message before a call."""
    called = False
    for one in conversation["messages"]:
        called = called or "tool_calls" in one
        if one["role"] == "tool" and not called:
            return False
    return any(one["role"] == "assistant" and one.get("weight") != 0 for one in conversation["messages"])


valid_conversations = st.builds(
    lambda messages, tools: {"messages": messages} | ({"tools": tools} if tools else {}),
    st.lists(answers | others, min_size=1, max_size=7),
    st.sampled_from((None, None, TOOLS)),
).filter(is_valid)
