"""Made-up items of every kind of private data, well-formed and different each time, and prose to hide them in."""

import ast
import base64
import string
import sysconfig
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from pydoc_data.topics import topics
from random import Random

_LETTERS, _DIGITS, _LOWER = string.ascii_letters + string.digits, string.digits, string.ascii_lowercase


def some(random: Random, alphabet: str, least: int, most: int | None = None) -> str:
    return "".join(random.choices(alphabet, k=random.randint(least, most or least)))


def luhn_digit(digits: str) -> str:
    """By the textbook, digit by digit, and not as the checker does it."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value // 10 + value % 10
    return str(-total % 10)


def email(random: Random) -> str:
    local = random.choice(["anna.lind", "j_doe", "k+news", "info", "x", "o-brien%20", "A.B.C"]) + some(
        random, _DIGITS, 0, 3
    )
    return f"{local}@{some(random, _LOWER, 2, 12)}.{random.choice(['de', 'co.uk', 'com', 'travel', 'k-net.io'])}"


def phone(random: Random) -> str:
    area, first, last = random.randint(201, 989), random.randint(200, 999), random.randint(0, 9999)
    north_american = [f"({area}) {first}-{last:04}", f"{area}-{first}-{last:04}", f"+1 {area} {first} {last:04}"]
    abroad = [
        f"+44 20 {random.randint(1000, 9999)} {last:04}",
        f"+49 30 {first} {last:04}",
        f"+33{random.randint(10**8, 10**9 - 1)}",
    ]
    return random.choice([*north_american, *abroad, f"{area}.{first}.{last:04}"])


def card(random: Random) -> str:
    prefix, length = random.choice(
        [("4", 16), ("4", 13), ("4", 19), ("51", 16), ("2221", 16), ("34", 15), ("37", 15), ("6011", 16), ("65", 16),
         ("3530", 16), ("36", 14), ("62", 16), ("62", 19)]
    )  # fmt: skip
    digits = prefix + some(random, _DIGITS, length - len(prefix) - 1)
    digits += luhn_digit(digits)
    separator = random.choice(["", " ", "-"])
    cuts = [0, 4, 10, length] if length in {14, 15} else [*range(0, length, 4), length]
    return separator.join(digits[start:end] for start, end in pairwise(cuts))


def ssn(random: Random) -> str:
    area = random.choice([number for number in range(1, 900) if number != 666])
    return f"{area:03}-{random.randint(1, 99):02}-{random.randint(1, 9999):04}"


def ipv4(random: Random) -> str:
    first = random.choice([number for number in range(10, 224) if number not in {127, 192, 198, 203}])
    return ".".join(map(str, [first, *(random.randint(0, 255) for _ in range(3))]))


def iban(random: Random) -> str:
    country, length = random.choice(
        [("DE", 22), ("GB", 22), ("FR", 27), ("NO", 15), ("AT", 20), ("MT", 31), ("PL", 28)]
    )
    account = some(random, _DIGITS, length - 4)
    number = "".join(str(int(character, 36)) for character in f"{account}{country}00")
    plain = f"{country}{98 - int(number) % 97:02}{account}"
    return random.choice([plain, " ".join(plain[start : start + 4] for start in range(0, length, 4))])


def jwt(random: Random) -> str:
    parts = (
        '{"alg":"HS256","typ":"JWT"}',
        f'{{"sub":"{random.randint(1, 10**9)}","name":"{some(random, _LOWER, 3, 90)}"}}',
    )
    encoded = [base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, some(random, _LETTERS + "-_", 43)])


MAKERS: dict[str, Callable[[Random], str]] = {
    "email": email,
    "phone": phone,
    "card": card,
    "ssn": ssn,
    "ipv4": ipv4,
    "iban": iban,
    "aws_key": lambda random: random.choice(["AKIA", "ASIA"]) + some(random, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16),
    "github_token": lambda random: random.choice(
        ["ghp_" + some(random, _LETTERS, 36), "github_pat_" + some(random, _LETTERS + "_", 81) + "a"]
    ),
    "model_api_key": lambda random: (
        random.choice(["sk-", "sk-proj-", "sk-ant-api03-"]) + some(random, _LETTERS, 24, 120)
    ),
    "huggingface_token": lambda random: "hf_" + some(random, _LETTERS, 34),
    "google_api_key": lambda random: "AIza" + some(random, _LETTERS + "-_", 35),
    "stripe_key": lambda random: random.choice(["sk_live_", "rk_live_"]) + some(random, _LETTERS, 24, 99),
    "slack_token": lambda random: f"xoxb-{some(random, _DIGITS, 11)}-{some(random, _LETTERS, 24)}",
    "jwt": jwt,
    "private_key": lambda random: f"-----BEGIN {random.choice(['', 'RSA ', 'EC ', 'OPENSSH '])}PRIVATE KEY-----",
    "password": lambda random: random.choice(["password = '{}'", 'API_KEY: "{}"', '"secret": "{}"']).format(
        some(random, _LETTERS + "!#*-", 9, 30)
    ),
}


def planted(kind: str, count: int) -> list[str]:
    random = Random(f"{kind} 1")
    return [MAKERS[kind](random) for _ in range(count)]


@cache
def prose() -> str:
    """About 2 MB of English: Python's help topics and the docstrings of its standard library."""
    return "\n\n".join([*topics.values(), *_docstrings()])


def _docstrings() -> Iterator[str]:
    library = Path(sysconfig.get_path("stdlib"))
    for path in sorted(library.rglob("*.py")):
        if not {"site-packages", "dist-packages", "test", "tests", "lib2to3"} & set(path.parts):
            try:
                tree = ast.parse(path.read_text(encoding="utf-8"))
            except (SyntaxError, UnicodeDecodeError):
                continue
            places = (ast.Module, ast.ClassDef, ast.FunctionDef)
            yield from (ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, places))
