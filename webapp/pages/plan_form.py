"""The form of a training plan: every setting of a run, what is suggested for it and why, and what was typed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import ValidationError

from webapp.api.errors import validation_problem
from webapp.catalog import METHOD_NAMES, Setting
from webapp.notebooks import TrainingConfig
from webapp.pages.forms import typed_number
from webapp.pages.plan_words import GROUPS, Said

_PROPERTIES: dict[str, Any] = TrainingConfig.model_json_schema()["properties"]
_OPTIONS = {"method": METHOD_NAMES}


class Checked(NamedTuple):
    """The settings that were set and can be, and what is wrong with the others, by name."""

    config: TrainingConfig
    problems: dict[str, str]


@dataclass(frozen=True)
class Field:
    """One setting in the form.

    `kind` is number, choice, check or text; `suggested` is what stands there where nothing else is typed, as the form
    sends it back, `problem` what is wrong with it, and `bounds` are HTML attributes.
    """

    name: str
    said: Said
    kind: str
    value: str
    suggested: str
    given: bool
    why: str
    problem: str
    options: Mapping[str, str]
    step: str
    bounds: Mapping[str, float]


def read_given(form: Mapping[str, str], suggested: TrainingConfig) -> dict[str, Any]:
    """The settings that the form sets otherwise than suggested, as typed.

    `was-NAME` is what was suggested when the form was shown. What was left so follows the rest: another method has
    another learning rate.
    """
    read = {
        name: _read_check(form, name, getattr(suggested, name))
        if _kind(details) == "check"
        else _read_text(form, name, str(getattr(suggested, name)), _kind(details))
        for name, details in _PROPERTIES.items()
    }
    return {name: value for name, value in read.items() if value is not None}


def _read_check(form: Mapping[str, str], name: str, suggested: bool) -> bool | None:
    """Whether the box is ticked, in which case alone it is sent; None where it is as suggested, or was not shown."""
    before = form.get(f"was-{name}")
    if before is None and name not in form:
        return None
    ticked = name in form
    return ticked if ticked != (suggested if before is None else before == "1") else None


def _read_text(form: Mapping[str, str], name: str, suggested: str, kind: str) -> float | str | None:
    """What was typed or chosen; None where it is as suggested, or, where it could not be so, empty."""
    text, before = form.get(name, "").strip(), form.get(f"was-{name}", suggested)
    if name not in form or (not text and kind != "text"):
        return None
    if kind == "number":
        return typed_number(text) if typed_number(text) != typed_number(before) else None
    return text if text != before else None


def given_by(config: Mapping[str, Any], suggested: TrainingConfig) -> dict[str, Any]:
    """The settings of another notebook that are not as suggested here."""
    known = {name: value for name, value in config.items() if name in _PROPERTIES}
    return {name: value for name, value in known.items() if value != getattr(suggested, name)}


def valid(given: Mapping[str, Any]) -> TrainingConfig:
    """The settings; raises Problem `invalid_request` with the first wrong field named."""
    try:
        return TrainingConfig(**given)
    except ValidationError as error:
        raise validation_problem(error) from error


def checked(given: Mapping[str, Any]) -> Checked:
    """What of it can be; each wrong one is left out, with what is wrong."""
    try:
        return Checked(TrainingConfig(**given), {})
    except ValidationError as error:
        problems = {str(item["loc"][0]): f"{item['msg']}." for item in error.errors(include_url=False)}
    right = {name: value for name, value in given.items() if name not in problems}
    return Checked(TrainingConfig(**right), problems)


def fields(
    settings: Mapping[str, Setting], given: Mapping[str, Any], typed: Mapping[str, str], problems: Mapping[str, str]
) -> dict[str, list[Field]]:
    """The form by group: what is given as it was typed, all else as it is suggested, or by default."""
    return {title: list(_group(names, settings, given, typed, problems)) for title, names in GROUPS.items()}


def _group(
    names: Mapping[str, Said],
    settings: Mapping[str, Setting],
    given: Mapping[str, Any],
    typed: Mapping[str, str],
    problems: Mapping[str, str],
) -> Iterator[Field]:
    for name, said in names.items():
        details, setting = _PROPERTIES[name], settings.get(name)
        is_given, kind = name in given, _kind(details)
        usual = _usual(name, setting)
        value = _text(given.get(name, usual))
        yield Field(
            name=name,
            said=said,
            kind=kind,
            value=typed.get(name, value) if is_given and kind != "check" else value,
            suggested=_text(usual),
            given=is_given,
            why=_why(setting, usual, is_given),
            problem=problems.get(name, ""),
            options=_OPTIONS.get(name, {value: value for value in details.get("enum", ())}),
            step="1" if details["type"] == "integer" else "any",
            bounds={
                attribute: details[key]
                for attribute, key in (("min", "minimum"), ("max", "maximum"), ("maxlength", "maxLength"))
                if key in details
            },
        )


def _usual(name: str, setting: Setting | None) -> Any:
    """What is suggested, else the default."""
    if setting and not setting.given:
        return setting.value
    if setting and setting.suggested is not None:
        return setting.suggested
    return TrainingConfig.model_fields[name].default


def _why(setting: Setting | None, usual: Any, is_given: bool) -> str:
    """Why the value stands there; nothing where it is only the default."""
    if setting and not (setting.given and setting.suggested is None):
        return setting.reason
    if not is_given:
        return ""
    said = ("on" if usual else "off") if isinstance(usual, bool) else usual
    return f"You set it; the default is {'nothing' if said == '' else said}."


def _kind(details: Mapping[str, Any]) -> str:
    if "enum" in details:
        return "choice"
    return {"integer": "number", "number": "number", "boolean": "check"}.get(details["type"], "text")


def _text(value: Any) -> str:
    """A value as an input has it."""
    if isinstance(value, bool):
        return "1" if value else ""
    return str(value)
