"""What a pattern cannot say: check digits, reserved ranges and names, neighbours of a match, and where it ends.

Each function takes a match of its kind's pattern (privacy_kinds.py) and says whether it is one, or where it lies.
"""

import re

# RFC 2606 (and RFC 6761): names that never belong to anybody.
_EXAMPLE_DOMAIN = re.compile(r"(?:^|\.)(?:example\.(?:com|net|org|edu)|example|test|invalid|localhost)$")
_FILE_ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp")  # logo@2x.png
# RFC 5737: TEST-NET-1 to 3. 0.* and 127.* are this machine, 255.* is a mask or everybody.
_NOBODYS_ADDRESSES = ("192.0.2.", "198.51.100.", "203.0.113.", "0.", "127.", "255.")
_VERSION_BEFORE = re.compile(r"(?i)\b(?:version|release|ver|v)[ .:=]{0,3}$")
# Issuer prefixes and lengths as the networks publish them: Visa, Mastercard, American Express, Discover, JCB, Diners
# Club, UnionPay.
_ISSUERS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|6(?:011|4[4-9]\d|5\d\d)\d{12,15}|35(?:2[89]|[3-8]\d)\d{12,15}|3(?:0[0-5]|09|[689]\d)\d{11,16}|62\d{14,17}"
)
# Letters and digits of an IBAN by country, from SWIFT's IBAN registry.
_IBAN_LENGTHS = {
    country: int(length)
    for length, countries in {
        "15": "NO",
        "16": "BE",
        "18": "DK FI FK FO GL NL SD",
        "19": "MK SI",
        "20": "AT BA EE KZ LT LU MN XK",
        "21": "CH HR LI LV",
        "22": "BG BH CR DE GB GE IE ME RS VA",
        "23": "AE GI IL IQ OM SO TL",
        "24": "AD CZ ES MD PK RO SA SE SK TN VG",
        "25": "LY PT ST",
        "26": "IS TR",
        "27": "BI DJ FR GR IT MC MR SM",
        "28": "AL AZ BY CY DO GT HN HU LB NI PL SV",
        "29": "BR EG PS QA UA",
        "30": "JO KW MU YE",
        "31": "MT SC",
        "32": "LC",
        "33": "RU",
    }.items()
    for country in countries.split()
}
# The last is what redaction leaves (repair/redaction.py).
_PLACEHOLDER_VALUES = ("<", "$", "{", "%", "your", "xxx", "...", "[password_")
_KEY_END = re.compile(r"-----END (?:[A-Z]{2,10} )?PRIVATE KEY(?: BLOCK)?-----", re.ASCII)
# A cut-off key has no end: lines of Base64 (RFC 7468), their ends perhaps escaped.
_KEY_LINES = re.compile(r"(?:(?:\s|\\[nr])*[A-Za-z0-9+/=]{16,})*", re.ASCII)
_KEY_CHARACTERS = 32 * 1024


def luhn(digits: str) -> bool:
    """Whether the last digit is right by ISO/IEC 7812-1, annex B."""
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(value - 9 * (value > 9) for value in doubled)) % 10 == 0


def mod_97(iban: str) -> bool:
    """Whether the check digits of an IBAN without spaces are right by ISO 13616."""
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1


def email(match: re.Match[str]) -> bool:
    """Not at an example domain, and no name of an image."""
    domain = match[0].rpartition("@")[2].lower()
    return not _EXAMPLE_DOMAIN.search(domain) and not domain.endswith(_FILE_ENDINGS)


def phone(match: re.Match[str]) -> bool:
    """8 to 15 digits (ITU-T E.164) that are no part of a longer number, as the exponent in 1.5E+12345678 is."""
    before = match.string[max(0, match.start() - 1) : match.start()]
    if before.isascii() and before.isalnum():
        return False
    digits = re.sub(r"\D", "", match[0])
    return 8 <= len(digits) <= 15 and _stands_alone(match)


def card(match: re.Match[str]) -> bool:
    """An issuer's prefix and length, and Luhn."""
    digits = re.sub(r"\D", "", match[0])
    return bool(_ISSUERS.fullmatch(digits)) and luhn(digits) and _stands_alone(match)


def ssn(match: re.Match[str]) -> bool:
    """None of the numbers that the Social Security Administration never gives out."""
    area, group, serial = match[0].split("-")
    given = area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"
    return given and _stands_alone(match)


def ipv4(match: re.Match[str]) -> bool:
    """Somebody's address: not reserved for documents, this machine or masks, no version number, no part of a name."""
    address, end = match[0], match.end()
    in_a_name = re.match(r"\.[a-z]", match.string[end : end + 2])
    if address.startswith(_NOBODYS_ADDRESSES) or in_a_name or not _stands_alone(match):
        return False
    before = match.string[max(0, match.start() - 12) : match.start()]
    return any(len(part) > 1 for part in address.split(".")) and not _VERSION_BEFORE.search(before)


def iban(match: re.Match[str]) -> bool:
    """As long as the country's are, and mod 97; what the pattern took beyond that length is not looked at."""
    letters = match[0].replace(" ", "")
    length = _IBAN_LENGTHS.get(letters[:2], len(letters) + 1)
    return len(letters) >= length and mod_97(letters[:length])


def varied(match: re.Match[str]) -> bool:
    """Not a row of x, and not AWS's own AKIA...EXAMPLE."""
    return len(set(match[0][-16:])) > 5 and not match[0].endswith("EXAMPLE")


def model_key(match: re.Match[str]) -> bool:
    """Random characters, unlike the lower-case words of a CSS class."""
    return varied(match) and any(character.isdigit() or character.isupper() for character in match[0])


def password(match: re.Match[str]) -> bool:
    """A value that is not itself a placeholder."""
    value = re.split(r"[=:]", match[0], maxsplit=1)[1].strip(" \t\r\n\"'")
    return len(set(value)) > 3 and not value.lower().startswith(_PLACEHOLDER_VALUES)


def quoted_value(match: re.Match[str]) -> tuple[int, int]:
    """Where the value of a match that ends with its closing quotation mark lies, without the marks."""
    inner = match[0][:-1]
    return match.start() + max(inner.rfind('"'), inner.rfind("'")) + 1, match.end() - 1


def key_block(match: re.Match[str]) -> tuple[int, int]:
    """The whole key that the first line of a PEM block begins; of a key without its last line, what looks like it."""
    text, start, end = match.string, match.start(), match.end()
    closing = _KEY_END.search(text, end, end + _KEY_CHARACTERS)
    lines = _KEY_LINES.match(text, end, end + _KEY_CHARACTERS)
    return start, closing.end() if closing else lines.end() if lines else end


def _stands_alone(match: re.Match[str]) -> bool:
    """Whether no further digits are joined to either end by a dot or a hyphen."""
    text, start, end = match.string, match.start(), match.end()
    return not (re.search(r"\d[.-]$", text[max(0, start - 2) : start]) or re.match(r"[.-]\d", text[end : end + 2]))
