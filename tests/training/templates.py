"""A plain chat format, and templates with the oddities of real ones."""


def render(messages, tools, add_generation_prompt):
    text = "".join(f"<{m['role']}>{m.get('content') or ''}</>" for m in messages)
    return text + ("<assistant>" if add_generation_prompt else "")


def refuses_system(messages, tools, add_generation_prompt):
    """As Gemma 2 does."""
    if any(message["role"] == "system" for message in messages):
        raise RuntimeError("System role not supported")
    return render(messages, tools, add_generation_prompt)


def drops_system(messages, tools, add_generation_prompt):
    return render([m for m in messages if m["role"] != "system"], tools, add_generation_prompt)


def system_while_last(messages, tools, add_generation_prompt):
    """As Mistral 7B does: the system prompt stands in the last user's turn, and only while nothing follows it."""
    *earlier, last = [m for m in messages if m["role"] != "system"]
    words = [m["content"] for m in messages if m["role"] == "system" and last["role"] == "user"]
    last = last | {"content": "\n\n".join([*words, last["content"]])}
    return render([*earlier, last], tools, add_generation_prompt)


def thinks_last(messages, tools, add_generation_prompt):
    """As Qwen3 does: a thought before the last answer only."""
    if not messages:
        raise RuntimeError("No messages")
    texts = [
        f"<{m['role']}>{'(thought)' if m['role'] == 'assistant' and m is messages[-1] else ''}{m['content']}</>"
        for m in messages
    ]
    return "".join(texts) + ("<assistant>" if add_generation_prompt else "")


def opens_otherwise(messages, tools, add_generation_prompt):
    """As DeepSeek-R1 does: the generation prompt has more than an answer begins with."""
    return render(messages, tools, add_generation_prompt) + ("(think)" if add_generation_prompt else "")


def drops_thought(messages, tools, add_generation_prompt):
    return render(messages, tools, add_generation_prompt).replace("(old)", "" if add_generation_prompt else "(old)")


def encode(text):
    return [ord(letter) for letter in text]


def decode(ids):
    return "".join(map(chr, ids))


def said(role, content="q", **more):
    return {"role": role, "content": content, **more}


USER, ANSWER = said("user"), said("assistant", "a")
