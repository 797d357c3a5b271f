"""Why a model is recommended, in words with the numbers in them."""

from webapp.catalog.case import Case
from webapp.catalog.estimates import RunEstimate
from webapp.catalog.memory import MemoryEstimate
from webapp.catalog.methods import METHOD_NAMES
from webapp.catalog.models import BaseModel
from webapp.catalog.profile import Profile
from webapp.catalog.score import OPEN_LICENCES, foreign_share
from webapp.catalog.targets import deployed_gib, weights_gib
from webapp.plurals import counted

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
SMALL_DATASET = 500
SPACIOUS_DATASET = 5000
HOUR = 60.0


def explain(model: BaseModel, case: Case, memory: MemoryEstimate, run: RunEstimate) -> tuple[str, ...]:
    """One sentence per fact that decided, the most important first; `memory` and `run` are those with the settings."""
    sentences = (
        _gating(model),
        _task(model, case),
        _memory(case, memory),
        _time(run),
        _context(model, case, memory),
        _deployment(model, case),
        _size(model, case.profile),
        _languages(model, case.profile),
        _tokenizer(model, case.profile),
        _structure(model, case.profile),
        _licence(model),
    )
    return tuple(sentence for sentence in sentences if sentence)


def _gating(model: BaseModel) -> str:
    if not model.gated:
        return ""
    return (
        f"Gated: its licence has to be accepted on the hub before the download; "
        f"{model.ungated_alternative} needs no such step."
    )


def _task(model: BaseModel, case: Case) -> str:
    count, label = counted(len(model.tasks), "strength"), case.task.label.capitalize()
    if case.task.name not in model.tasks:
        return f"{label} is not among its {count}. {model.strengths}."
    return f"{label} is the {ORDINALS[model.tasks.index(case.task.name)]} of its {count}. {model.strengths}."


def _memory(case: Case, memory: MemoryEstimate) -> str:
    name = METHOD_NAMES[memory.method]
    rows = f"{memory.batch_size} rows" if memory.batch_size > 1 else "a row"
    return (
        f"{name[0].upper()}{name[1:]} needs about {memory.mid:.1f} GiB ({memory.low:.1f} to {memory.high:.1f}) of the "
        f"{memory.gpu_gib:g} GiB of the {case.gpu.name}, with {rows} of {memory.max_seq_length:,} tokens at a time."
    )


def _time(run: RunEstimate) -> str:
    minutes = run.minutes
    about = f"about {minutes.low / HOUR:.1f} to {minutes.high / HOUR:.1f} hours"
    if minutes.high < 2 * HOUR:
        about = f"about {minutes.low:.0f} to {minutes.high:.0f} minutes" if minutes.high >= 2 else "a minute or two"
    if not run.costs:
        return f"A run takes {about}."
    offer = min(run.costs, key=lambda cost: cost.money.mid)
    low, high = f"{offer.money.low:.2f}", f"{offer.money.high:.2f}"
    money = f"about {high}" if low == high else f"{low} to {high}"
    return f"A run takes {about} and {money} {offer.currency} at {offer.provider}."


def _context(model: BaseModel, case: Case, memory: MemoryEstimate) -> str:
    needed = case.profile.needed_tokens(model)
    need = f"Your longest 1 % of conversations need about {needed:,} tokens"
    if needed > memory.max_seq_length:
        need += f" and training cuts at {memory.max_seq_length:,}"
    return f"{need}; its context is {model.context_length:,}."


def _deployment(model: BaseModel, case: Case) -> str:
    target, needed = case.target, case.profile.needed_tokens(model)
    weights = f"Its {target.bits}-bit weights take {weights_gib(model, target.bits):.2f} GiB"
    if target.counts == "download":
        return f"{weights} of the {target.limit_gib:g} GiB that {target.label} has for them."
    several = f"{target.conversations} conversations" if target.conversations > 1 else "one conversation"
    return (
        f"{weights}, and {deployed_gib(model, target, needed):.2f} GiB together with {several} of {needed:,} tokens; "
        f"{target.label} has {target.limit_gib:g} GiB."
    )


def _size(model: BaseModel, profile: Profile) -> str:
    examples = counted(profile.examples, "example is", "examples are")
    if profile.examples < SMALL_DATASET:
        return f"Your {examples} few: a model learns more from each the larger it is ({model.size} here)."
    if profile.examples < SPACIOUS_DATASET:
        return f"Your {examples} enough to adapt {model.size} parameters to one task."
    return f"Your {examples} plenty: a small model can learn most of the task from them."


def _languages(model: BaseModel, profile: Profile) -> str:
    unknown = profile.unknown_languages(model)
    if profile.unknown_share(model) > 0.05:
        names = ", ".join(f"{name} {share:.0%}" for name, share in list(unknown.items())[:3])
        return (
            f"{profile.unknown_share(model):.0%} of your data are in languages that its card does not name ({names})."
        )
    if not foreign_share(profile):
        return ""
    share = f"{profile.non_ascii_share:.1%} of your characters are not ASCII"
    if len(model.languages) == 1:
        return f"{share}, and it knows only one language ({model.languages[0]})."
    return f"{share}; it knows {len(model.languages)} languages or more."


def _tokenizer(model: BaseModel, profile: Profile) -> str:
    if not profile.rates or model.id not in profile.rates.models:
        return ""
    rate, fewest = profile.rates.models[model.id], min(profile.rates.models.values())
    if rate == fewest:
        return f"Its tokenizer needs {rate:.2f} tokens a word of your data, the fewest of those known."
    return f"Its tokenizer needs {rate:.2f} tokens a word of your data; the best of those known needs {fewest:.2f}."


def _structure(model: BaseModel, profile: Profile) -> str:
    if profile.tool_call_share:
        can = "has a format for them" if model.tool_calls else "has no format for them"
        return f"{profile.tool_call_share:.0%} of your conversations call tools; it {can}."
    if profile.system_prompt_share and not model.system_role:
        return f"{profile.system_prompt_share:.0%} of your conversations have a system prompt; it has no such role."
    return ""


def _licence(model: BaseModel) -> str:
    if model.license in OPEN_LICENCES:
        return f"Licence: {model.license}; commercial use is allowed."
    use = "commercial use is allowed on its terms" if model.commercial_use else "no commercial use"
    return f"Licence: {model.license}; {use}."
