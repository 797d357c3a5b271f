"""Kinds of personal data and secrets that a dataset should not teach a model: patterns and their confirmation.

The patterns are read by RE2 (one scan for all of them) and by `re` (where a match lies), so they have no lookaround
and no backreference, and each is bounded in length, which bounds `re`'s work on hostile text.
"""

import re
from collections.abc import Callable
from functools import cached_property
from typing import Literal

import msgspec

from webapp.datasets import confirming


class Kind(msgspec.Struct, frozen=True, dict=True):
    """One kind: `what` in words, for one and for many; `confirm` says whether a match of `pattern` is one.

    `extent` is where the thing itself lies, start and end, when that is not the match.
    """

    name: str
    group: Literal["personal_data", "secrets"]
    what: tuple[str, str]
    pattern: str
    confirm: Callable[[re.Match[str]], bool] | None = None
    extent: Callable[[re.Match[str]], tuple[int, int]] = re.Match.span

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The pattern for `re`, with RE2's idea of a digit and a word border."""
        return re.compile(self.pattern, re.ASCII)


_CARD = r"\b[2-6]\d{3}(?:[ -]?\d{4}[ -]?\d{4}[ -]?\d{1,4}(?:[ -]?\d{1,3})?|[ -]\d{6}[ -]\d{4,5})\b"
# Latin, Greek and Cyrillic letters beyond ASCII. Scripts that put no space before an address are left out.
_LETTERS = "\u00c0-\u024f\u0370-\u052f"
_LABEL = rf"[A-Za-z0-9{_LETTERS}-]{{1,63}}"
_EMAIL = (
    rf"(?:\b[A-Za-z0-9]|[{_LETTERS}])[A-Za-z0-9{_LETTERS}._%+-]{{0,63}}@{_LABEL}(?:\.{_LABEL}){{0,6}}"
    rf"\.(?:[A-Za-z]{{2,24}}\b|[{_LETTERS}]{{2,24}})"
)
_PHONE = (
    r"(?:\+\d{1,3}[ .-]?)?\(\d{3}\) ?\d{3}[ .-]\d{4}\b|\b\d{3}-\d{3}-\d{4}\b|\b\d{3}\.\d{3}\.\d{4}\b"
    r"|\+[1-9]\d{0,2}(?: ?\(0\) ?)?(?:[ .-]?\d{1,4}){2,5}\b"
)
_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_PASSWORD = r"""(?i:password|passwd|pwd|secret|api[_-]?key|token)["']?\s{0,3}[=:]\s{0,3}["'][^\s"']{8,80}["']"""  # noqa: S105

KINDS = (
    Kind("email", "personal_data", ("e-mail address", "e-mail addresses"), _EMAIL, confirming.email),
    Kind("phone", "personal_data", ("phone number", "phone numbers"), _PHONE, confirming.phone),
    Kind("card", "personal_data", ("payment card number", "payment card numbers"), _CARD, confirming.card),
    Kind(
        "ssn",
        "personal_data",
        ("US social security number", "US social security numbers"),
        r"\b\d{3}-\d{2}-\d{4}\b",
        confirming.ssn,
    ),
    Kind(
        "ipv4",
        "personal_data",
        ("IPv4 address", "IPv4 addresses"),
        rf"\b(?:{_OCTET}\.){{3}}{_OCTET}\b",
        confirming.ipv4,
    ),
    Kind(
        "iban",
        "personal_data",
        ("bank account number (IBAN)", "bank account numbers (IBAN)"),
        r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b",
        confirming.iban,
    ),
    Kind(
        "aws_key",
        "secrets",
        ("AWS access key id", "AWS access key ids"),
        r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b",
        confirming.varied,
    ),
    Kind(
        "github_token",
        "secrets",
        ("GitHub token", "GitHub tokens"),
        r"\bgh[pousr]_[A-Za-z0-9]{36}\b|\bgithub_pat_[A-Za-z0-9_]{82}\b",
        confirming.varied,
    ),
    Kind(
        "model_api_key",
        "secrets",
        ("OpenAI or Anthropic API key", "OpenAI or Anthropic API keys"),
        r"\bsk-(?:proj-|ant-|svcacct-)?[A-Za-z0-9_-]{20,200}\b",
        confirming.model_key,
    ),
    Kind(
        "huggingface_token",
        "secrets",
        ("Hugging Face token", "Hugging Face tokens"),
        r"\bhf_[A-Za-z0-9]{34}\b",
        confirming.varied,
    ),
    Kind(
        "google_api_key",
        "secrets",
        ("Google API key", "Google API keys"),
        r"\bAIza[A-Za-z0-9_-]{35}",
        confirming.varied,
    ),
    Kind(
        "stripe_key",
        "secrets",
        ("Stripe live key", "Stripe live keys"),
        r"\b[sr]k_live_[A-Za-z0-9]{16,100}\b",
        confirming.varied,
    ),
    Kind(
        "slack_token",
        "secrets",
        ("Slack token", "Slack tokens"),
        r"\bxox[abprs]-[A-Za-z0-9-]{10,100}\b",
        confirming.varied,
    ),
    Kind(
        "jwt",
        "secrets",
        ("JSON web token", "JSON web tokens"),
        r"\beyJ[A-Za-z0-9_-]{10,300}\.eyJ[A-Za-z0-9_-]{10,1000}\.[A-Za-z0-9_-]{10,700}",
    ),
    Kind(
        "private_key",
        "secrets",
        ("private key (PEM)", "private keys (PEM)"),
        r"-----BEGIN (?:[A-Z]{2,10} )?PRIVATE KEY(?: BLOCK)?-----",
        extent=confirming.key_block,
    ),
    Kind(
        "password",
        "secrets",
        ("password or key in quotes", "passwords or keys in quotes"),
        _PASSWORD,
        confirming.password,
        confirming.quoted_value,
    ),
)
KIND_OF = {kind.name: kind for kind in KINDS}
