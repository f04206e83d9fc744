"""Telephone numbers as every system writes them -> one form: E.164, or the digits of a short number.

What phonenumbers knows of a country's numbers decides; the usual forms of +7 take a short cut, since a
comparison asks for millions of them.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from supportctl.core.call import HIDDEN

if TYPE_CHECKING:
    from types import ModuleType

_E164_OF_SEVEN = re.compile(r"\+7[3-9]\d{9}", re.ASCII)
_DIALLED_IN_SEVEN = re.compile(r"[78]([3489]\d{9})", re.ASCII)
_REGIONS_OF_SEVEN = frozenset({"RU", "KZ"})
_LONGEST_TEXT = 128
_LONGEST_NUMBER = 15  # digits of E.164
_SHORT = 4  # so few digits are a short number in every plan that a shop meets
_LONG_WITHOUT_PLUS = 10  # so many may begin with a country's code although there is no +
_ZEROS = 3  # so many zeros and nothing else stand for "no number"
_CACHED = 65_536  # a day of a busy exchange; about 15 MB
_PLUS_RUN = re.compile(r"\+[\s().\-/]*\d[\d\s().\-/]{5,}")
_RUN = re.compile(r"\d[\d\s().\-/]*")
_NOT_DIGIT = re.compile(r"\D")
_ANGLE = re.compile(r"<([^<>]*\d[^<>]*)>")  # "Name" <number>, as caller ids are written
_SCHEME = re.compile(r"(?i)(?:sips?|tel|callto):(?://)?")
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"))
_VANITY = re.compile(r"[+\d\s().\-]*\d[\d\s().\-]*[A-Za-z][\dA-Za-z\s().\-]*", re.ASCII)
_KEYPAD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "22233344455566677778889999")
# How systems write "the caller withheld the number" (Asterisk, SIP, operators, phones), in lower case.
_HIDDEN_WORDS = frozenset({
    "anonymous", "anon", "blocked", "caller id blocked", "hidden", "hidden number", "id unavailable",
    "no caller id", "no number", "none", "null", "not available", "number withheld", "payphone", "private",
    "private number", "restricted", "unavailable", "undefined", "unknown", "unknown number", "withheld",
    "аноним", "анонимно", "анонимный", "анонимный номер", "закрытый номер", "неизвестен", "неизвестно",
    "неизвестный", "неизвестный номер", "не определен", "не определился", "номер не определен", "номер скрыт",
    "нет номера", "скрыт", "скрыто", "скрытый", "скрытый номер", "-", "-1", "-2", "-3", "—",
})  # fmt: skip


def normalise(text: str, region: str | None) -> str:
    """Return a number as E.164, a short number as its digits, "" for a hidden caller or no number at all.

    `region` is the country of numbers without `+` ("RU"). An extension behind the number is dropped. Digits
    that are no number of any plan come back as they are, so that both sides of a comparison still agree.
    Never raises; applied twice it changes nothing more.
    """
    return _of_seven(text, region) or _normalise(text[:_LONGEST_TEXT], region)


def is_hidden(text: str) -> bool:
    """Return whether a text says that the caller's number is not known, rather than being no number."""
    plain = _plain(text[:_LONGEST_TEXT])
    word = plain.casefold().replace("ё", "е").strip(" <>()[]\"'.:;")
    zeros = _NOT_DIGIT.sub("", plain)
    return not word or word in _HIDDEN_WORDS or (len(zeros) >= _ZEROS and not zeros.strip("0"))


def _of_seven(text: str, region: str | None) -> str:
    """Return the number of +7 that a bare text is, "" if it is none: no library is needed for that."""
    if _E164_OF_SEVEN.fullmatch(text):
        return text
    if region in _REGIONS_OF_SEVEN and (match := _DIALLED_IN_SEVEN.fullmatch(text)):
        return f"+7{match[1]}"
    return ""


@lru_cache(_CACHED)
def _normalise(text: str, region: str | None) -> str:
    if is_hidden(text):
        return HIDDEN
    plain = _without_vanity(_plain(text))
    found = _PLUS_RUN.search(plain) or _RUN.search(plain)
    if found is None:
        return HIDDEN
    run = found[0].replace("(0)", "")  # +44 (0)20: dialled only inside the country
    digits = _NOT_DIGIT.sub("", run)
    if len(digits) > _LONGEST_NUMBER and "/" in run:  # two numbers
        run = run.partition("/")[0]
        digits = _NOT_DIGIT.sub("", run)
    if not digits.strip("0") and len(digits) >= _ZEROS:
        return HIDDEN
    plus = "+" if run.startswith("+") else ""
    return _of_seven(plus + digits, region) or (plus and _with_plus(digits)) or _without_plus(digits, region)


def _with_plus(digits: str) -> str:
    number = f"+{digits}"
    if valid := _read(number, None, valid=True):
        return valid
    # of a number that is none the library would cut zeros, more of them each time
    return number if _read(number, None, valid=False) else ""


def _plain(text: str) -> str:
    """Return the part of a text that names the number: no addresses, no marks, digits as 0 to 9."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_DASHES)
        text = "".join(_digit(character) for character in text)
    angle = _ANGLE.search(text)
    text = _SCHEME.sub("", angle[1] if angle else text, count=1)
    return text.partition("@")[0].strip()


def _digit(character: str) -> str:
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    return "" if unicodedata.category(character) in {"Cf", "Cc", "Mn"} else character


def _without_vanity(text: str) -> str:
    """Return 8-800-FLOWERS as digits; letters behind a whole number are no part of it."""
    if not _VANITY.fullmatch(text) or len(_NOT_DIGIT.sub("", text)) >= 7:
        return text
    dialled = text.upper().translate(_KEYPAD)
    return dialled if len(_NOT_DIGIT.sub("", dialled)) >= _LONG_WITHOUT_PLUS else text


def _without_plus(digits: str, region: str | None) -> str:
    if len(digits) <= _SHORT or len(digits) > 2 * _LONGEST_NUMBER:
        return digits
    if number := _of_seven(digits, region):
        return number
    for candidate, country in _readings(digits, region):
        if number := _read(candidate, country, valid=True):
            return number
    number = _read(digits, region, valid=False) if region else ""
    return number if number and _with_plus(number[1:]) == number else digits


def _readings(digits: str, region: str | None) -> list[tuple[str, str | None]]:
    """Return what digits may mean, the likeliest first."""
    readings: list[tuple[str, str | None]] = [(digits, region)] if region else []
    if len(digits) >= _LONG_WITHOUT_PLUS:
        if not digits.startswith("0"):
            readings.append((f"+{digits}", None))
        elif digits.startswith("00"):
            readings.append((f"+{digits[2:]}", None))
    return readings


def _read(text: str, region: str | None, *, valid: bool) -> str:
    """Return E.164, "" if it is none; a number that lacks its area code is none."""
    library = _library()
    try:
        number = library.parse(text, region)
        if valid:
            good = library.is_valid_number(number)
        else:
            reason = library.is_possible_number_with_reason(number)
            good = reason == library.ValidationResult.IS_POSSIBLE
    except library.NumberParseException:
        return ""
    return str(library.format_number(number, library.PhoneNumberFormat.E164)) if good else ""


@cache
def _library() -> ModuleType:
    import phonenumbers  # costs 50 ms and the metadata of each country on first use

    return phonenumbers
