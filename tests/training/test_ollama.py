import re

import pytest

from webapp.training.families import families, family_render
from webapp.training.ollama import ChatPieces, chat_pieces, go_text, modelfile, shared_system_prompt, uses_tools

CHAT = [
    {"role": "user", "content": "Are you open?"},
    {"role": "assistant", "content": "Until ten."},
    {"role": "user", "content": "And on Sunday?"},
]
SYSTEM = {"role": "system", "content": "You are the help desk."}


def pieces_of(name):
    family = families()[name]
    return family, chat_pieces(family_render(family), family.bos, [family.eos])


def assemble(pieces: ChatPieces, messages):
    """What Ollama makes of the template: the same walk over the messages in Python."""
    has_system = messages[0]["role"] == "system"
    text = "" if has_system else pieces.opening
    for position, message in enumerate(messages):
        last = position == len(messages) - 1
        if message["role"] == "system":
            text += pieces.system + message["content"] + pieces.system_user
        elif message["role"] == "user":
            text += ("" if position == 1 and has_system else pieces.user) + message["content"]
            text += pieces.generation if last else ""
        else:
            text += pieces.assistant + message["content"] + ("" if last else pieces.end)
    return text


@pytest.mark.parametrize("name", sorted(families()))
@pytest.mark.parametrize("messages", [CHAT, CHAT[:1], [SYSTEM, *CHAT], [SYSTEM, CHAT[0]]])
def test_the_pieces_of_every_family_make_the_chat_as_it_was_trained(name, messages):
    family, pieces = pieces_of(name)
    expected = family_render(family)(messages, None, True)
    assert (family.bos or "") + assemble(pieces, messages) == expected


def test_the_template_walks_the_messages_as_the_pieces_say():
    _, pieces = pieces_of("llama3")
    template = pieces.ollama_template()
    literals = re.findall(r'\{\{ "((?:[^"\\]|\\.)*)" \}\}', template)
    assert "<|start_header_id|>user<|end_header_id|>\\n\\n" in literals
    assert template.count("{{") == template.count("}}")
    for word in ("range", "if"):
        assert template.count("{{- end }}") + template.count("{{ end }}") >= len(
            re.findall(rf"\{{\{{-? ?{word} ", template)
        )
    assert not re.sub(r"\{\{.*?\}\}", "", template.replace(go_text("{{"), ""))  # no text outside of actions


def test_nothing_in_a_piece_is_read_as_a_template():
    assert go_text('{{ "x" }}\n') == '{{ "{{ \\"x\\" }}\\n" }}'
    assert go_text("") == ""


def test_a_template_that_is_more_than_pieces_is_left_to_the_gguf_file():
    def shouting(messages, tools, add_generation_prompt):
        return "".join(message["content"].upper() for message in messages)

    assert chat_pieces(shouting, None, ["</s>"]) is None
    family = families()["chatml"]
    assert chat_pieces(family_render(family), None, ["<another end>"]) is None


def test_a_default_system_prompt_opens_chats_without_one():
    def render(messages, tools, add_generation_prompt):
        text = "" if messages[0]["role"] == "system" else "<s>system\nDefault<e>\n"
        text += "".join(f"<s>{message['role']}\n{message['content']}<e>\n" for message in messages)
        return text + ("<s>assistant\n" if add_generation_prompt else "")

    pieces = chat_pieces(render, None, ["<e>"])
    assert pieces.opening == "<s>system\nDefault<e>\n"
    for messages in (CHAT, [SYSTEM, *CHAT]):
        assert assemble(pieces, messages) == render(messages, None, True)


def test_a_template_without_a_system_role_is_left_to_the_gguf_file():
    from jinja2.exceptions import TemplateError

    def refusing(messages, tools, add_generation_prompt):
        raise TemplateError("System role not supported")

    assert chat_pieces(refusing, None, ["</s>"]) is None


def test_the_modelfile_stops_at_every_end_of_turn():
    text = modelfile("./model.gguf", None, ["<|eot_id|>", "<|end_of_text|>"], None)
    assert text == 'FROM ./model.gguf\nPARAMETER stop "<|eot_id|>"\nPARAMETER stop "<|end_of_text|>"\n'


def test_the_system_prompt_that_all_rows_share_is_the_models():
    talks = [{"messages": [SYSTEM, *CHAT]}, {"messages": [SYSTEM, CHAT[0]]}]
    assert shared_system_prompt(talks) == "You are the help desk."
    assert shared_system_prompt([*talks, {"messages": CHAT}]) is None
    assert shared_system_prompt([{"messages": CHAT}]) is None
    assert 'SYSTEM """You are the help desk."""' in modelfile(".", None, [], SYSTEM["content"])
    assert "SYSTEM" not in modelfile(".", None, [], 'end """\nFROM evil')


def test_tools_are_told():
    assert uses_tools([{"messages": CHAT, "tools": [{}]}])
    call = {"role": "assistant", "content": None, "tool_calls": [{}]}
    assert uses_tools([{"messages": CHAT}, {"messages": [CHAT[0], call]}])
    assert not uses_tools([{"messages": CHAT}])
