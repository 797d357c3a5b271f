"""The model of a run is tried: who may, when it can be, and what becomes of prompts."""

import json
from contextlib import contextmanager, suppress
from functools import partial

import pytest

from webapp import workflow
from webapp.accounts import LOCAL
from webapp.errors import Problem
from webapp.jobs import attempts, claim, run_child
from webapp.storage.tables import Job
from webapp.workflow import Question, chatting
from webapp.workflow.chatting import run_chat
from webapp.workflow.job_files import delete_run, run_key

WHERE = Question(text="Where is the station?", system="You are the help desk.")


@pytest.fixture(scope="module")
def notebook(services, sample):
    return workflow.generate(services, LOCAL, sample, "smollm2-360m")


def make_run(services, notebook, kind="run", names=("adapter_model.safetensors", "tokenizer_config.json")):
    """The id of a completed run that has left these files of its model."""
    job = workflow.create_run(services, LOCAL, notebook.dataset_id, notebook.id, kind)
    workflow.start_run(services, LOCAL, job.id)
    claim(services.db, "test", 60)
    folder = services.blobs.folder(run_key(job.id))
    (folder / "tunebook-run/model").mkdir(parents=True)
    for name in names:
        (folder / "tunebook-run/model" / name).write_text("{}")
    attempts.finish(services.db, job.id, 1, {})
    return job.id


@pytest.fixture
def run(services, notebook):
    made = make_run(services, notebook)
    yield made
    with suppress(Problem):  # it was deleted
        workflow.put_away(services, LOCAL, made)


class Played:
    """Answers in pieces when it is listened to; `sent` is what it was told."""

    def __init__(self, words=("Fair", " winds")):
        self.words, self.sent, self.said = words, [], [{"type": "ready", "hardware": "CPU", "seconds": 1.0}]

    def send(self, message):
        self.sent.append(message)
        if "prompt" in message:
            for side in ("base", "tuned"):
                where = {"prompt": message["prompt"], "side": side}
                self.said.append({"type": "writing", **where})
                self.said += [{"type": "piece", **where, "text": word} for word in self.words]
                text, tokens = "".join(self.words), len(self.words)
                end = {"text": text, "tokens": tokens, "seconds": 0.5, "end": "ended", "message": ""}
                self.said.append({"type": "answer", **where, **end})

    def news(self, seconds):  # noqa: ARG002
        said, self.said = self.said, []
        return said


@pytest.fixture
def answered(services, monkeypatch):
    """Runs the waiting job until all is answered; what its models were loaded from."""
    monkeypatch.setattr(chatting, "IDLE_SECONDS", 0.0)

    def work(played):
        seen = []

        @contextmanager
        def opening(trained):
            seen.append(trained)
            yield played

        job = claim(services.db, "test", 60)
        run_child(services.db, job.id, job.attempt, {"chat": partial(run_chat, services, opening=opening)})
        return seen[0]

    return work


def refusal(services, run, question=WHERE):
    with pytest.raises(Problem) as caught:
        workflow.ask_both(services, LOCAL, run, question)
    return caught.value


def test_a_prompt_is_answered_by_both(services, run, answered):
    number = workflow.ask_both(services, LOCAL, run, WHERE).prompt
    before = workflow.try_state(services, LOCAL, run)
    assert (before.living, before.prompts[0].open, before.absent) == (True, True, None)
    played = Played()
    trained = answered(played)
    assert trained.workdir == services.blobs.place(run_key(run))
    assert not trained.miniature
    (sent,) = played.sent
    assert sent == {
        "prompt": number,
        "messages": [
            {"role": "system", "content": "You are the help desk."},
            {"role": "user", "content": "Where is the station?"},
        ],
        "temperature": 0.0,
        "max_new_tokens": 256,
        "seed": 0,
    }
    state = workflow.try_state(services, LOCAL, run)
    assert (state.living, state.chat.result) == (False, {"prompts": 1, "ended": "idle"})
    (prompt,) = state.prompts
    assert prompt.number == number
    assert {side: answer.text for side, answer in prompt.answers.items()} == {
        "base": "Fair winds",
        "tuned": "Fair winds",
    }
    assert prompt.answers["base"].speed == 4.0


def test_a_second_tab_joins_the_same_models_and_the_next_prompt_finds_them_again(services, run, answered):
    first, second = (workflow.ask_both(services, LOCAL, run, WHERE).prompt for _ in range(2))
    assert first < second
    played = Played()
    answered(played)
    assert [sent["prompt"] for sent in played.sent] == [first, second]
    workflow.ask_both(services, LOCAL, run, Question(text="Again?"))
    answered(Played(("No",)))
    prompts = workflow.try_state(services, LOCAL, run).prompts
    assert [prompt.text for prompt in prompts] == ["Again?", WHERE.text, WHERE.text]
    assert len({prompt.job_id for prompt in prompts}) == 2


def test_what_is_written_so_far_is_shown_up_to_the_event_from_which_the_stream_goes_on(services, run):
    number = workflow.ask_both(services, LOCAL, run, WHERE).prompt
    job = claim(services.db, "test", 60)
    where = {"prompt": number, "side": "base"}
    told = [("writing", where), ("piece", {**where, "text": "lost with its attempt"}), ("writing", where)]
    told += [("piece", {**where, "text": text}) for text in ("Fair", " wi")]
    attempts.write(services.db, job.id, 1, told, (1.0, "Both models are loaded"))
    state = workflow.try_state(services, LOCAL, run)
    (prompt,) = state.prompts
    assert [(answer.state, answer.text) for answer in prompt.answers.values()] == [
        ("writing", "Fair wi"),
        ("waiting", ""),
    ]
    assert workflow.job_events(services, LOCAL, job.id, state.seq, 10) == []
    workflow.put_away(services, LOCAL, run)
    assert "put away" in refusal(services, run).message
    attempts.release(services.db, job.id, 1)
    answers = workflow.try_state(services, LOCAL, run).prompts[0].answers
    assert [(answer.state, answer.text) for answer in answers.values()] == [("lost", "Fair wi"), ("lost", "")]


def test_a_stop_reaches_the_models(services, run, answered):
    number = workflow.ask_both(services, LOCAL, run, WHERE).prompt
    workflow.stop_answer(services, LOCAL, run, str(number))
    played = Played()
    answered(played)
    assert [next(iter(sent)) for sent in played.sent] == ["prompt", "stop"]
    assert played.sent[1] == {"stop": number}
    workflow.stop_answer(services, LOCAL, run, str(number))


def test_a_second_attempt_answers_only_what_is_still_open(services, run, answered):
    first, second = (workflow.ask_both(services, LOCAL, run, WHERE).prompt for _ in range(2))
    job = claim(services.db, "test", 60)
    done = {"text": "a", "tokens": 1, "seconds": 1.0, "end": "ended", "message": ""}
    told = [("answer", {"prompt": first, "side": side, **done}) for side in ("base", "tuned")]
    attempts.write(services.db, job.id, 1, told, None)
    attempts.release(services.db, job.id, 1)
    played = Played()
    answered(played)
    assert [sent["prompt"] for sent in played.sent] == [second]


def test_it_ends_after_an_hour_whoever_asks(services, run, answered, monkeypatch):
    monkeypatch.setattr(chatting, "SESSION_SECONDS", 0.0)
    workflow.ask_both(services, LOCAL, run, WHERE)
    answered(Played())
    state = workflow.try_state(services, LOCAL, run)
    assert state.chat.result["ended"] == "time"
    assert [answer.state for answer in state.prompts[0].answers.values()] == ["lost", "lost"]


def test_only_so_many_prompts_wait(services, run):
    for _ in range(4):
        workflow.ask_both(services, LOCAL, run, WHERE)
    assert refusal(services, run).code == "too_many_prompts"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": "running"}, "still under way"),
        ({"names": ()}, "no longer on this machine"),
        ({"names": ("adapter_model.bin", "tokenizer_config.json")}, "no longer on this machine"),
        ({"names": (), "status": "failed"}, "before it saved a model"),
        ({"names": (), "status": "running"}, "no model yet"),
        ({"names": (), "executor": "elsewhere"}, "in a notebook of yours"),
        ({"kind": "dry_run"}, "miniature"),
    ],
    ids=str,
)
def test_where_there_is_no_model_it_is_said_why(services, notebook, change, said):
    names = {"names": change.pop("names")} if "names" in change else {}
    run = make_run(services, notebook, change.pop("kind", "run"), **names)
    with services.db.session() as session:
        for name, value in change.items():
            setattr(session.get_one(Job, run), name, value)
    problem = refusal(services, run)
    assert problem.code == "model_not_here"
    assert said in problem.message
    assert workflow.try_state(services, LOCAL, run).absent == problem.message


def test_a_dry_run_whose_miniature_is_still_there_can_be_tried(services, notebook, answered):
    run = make_run(services, notebook, "dry_run")
    folder = services.blobs.place(run_key(run)) / "miniature"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    workflow.ask_both(services, LOCAL, run, WHERE)
    assert answered(Played()).miniature


@pytest.mark.parametrize(("having", "offered"), [(9, "Be <kind>."), (7, "")])
def test_the_system_prompt_that_most_rows_have_is_offered(services, analysed, having, offered):
    def line(number):
        system = [{"role": "system", "content": "Be <kind>."}] if number < having else []
        asked, told = {"role": "user", "content": f"{number}?"}, {"role": "assistant", "content": f"{number}!"}
        return json.dumps({"messages": [*system, asked, told]}).encode() + b"\n"

    dataset = analysed(b"".join(map(line, range(14))))
    run = make_run(services, workflow.generate(services, LOCAL, dataset, "smollm2-360m"))
    assert workflow.try_state(services, LOCAL, run).system == offered


def test_a_run_is_deleted_with_what_was_asked_of_it_but_not_while_it_is_asked(services, run, answered):
    workflow.ask_both(services, LOCAL, run, WHERE)
    with pytest.raises(Problem) as caught:
        delete_run(services, LOCAL, run)
    assert caught.value.code == "model_in_use"
    answered(Played())
    chat = workflow.try_state(services, LOCAL, run).chat.id
    assert delete_run(services, LOCAL, run).jobs == 2
    with services.db.reading() as session:
        assert session.get(Job, chat) is None


def test_whoever_may_not_train_may_not_ask_the_real_model(services, run):
    reader = type(LOCAL)(id=None, local=True, permissions=frozenset({"read", "write"}))
    with pytest.raises(Problem) as caught:
        workflow.ask_both(services, reader, run, WHERE)
    assert caught.value.code == "permission_missing"
