"""What a person typed, understood strictly: it is one of what may be answered, or told what was expected."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from playbooks.engine.texts import in_language
from supportctl.core.errors import UsageError
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from playbooks.engine.events import Answer
    from playbooks.engine.model import Question
    from playbooks.engine.state import AskPerson

MAX_TEXT = 500  # characters of an answer
MAX_PHOTO = 20 * 1024 * 1024  # bytes
YES = frozenset({"y", "yes", "д", "да"})
NO = frozenset({"n", "no", "н", "нет"})
_NUMBER = re.compile(r"([-+]?[0-9]{1,12}(?:[.,][0-9]{1,6})?)\s*(?:%|°|[^\W\d_]{1,10}\.?)?")  # and its unit


def understand(ask: AskPerson, typed: str, lang: str) -> Answer:
    """Return the answer that `typed` means: a choice by its id, `yes` or `no`, a number, a text, a path.

    Raises:
        UsageError: it means none, or several: `answer.*` with what was expected.
    """
    text = " ".join(typed.split())
    if not text:
        raise UsageError("answer.empty")
    if ask.question is None:
        return _chosen(text, {option: (option,) for option in ask.options}, ask.options)
    question = ask.question
    if question.kind == "choice":
        names = {choice: tuple(texts.values()) for choice, texts in question.choices.items()}
        shown = [in_language(texts, lang) for texts in question.choices.values()]
        return _chosen(text, names, shown)
    if question.kind == "yes-no":
        return _yes_or_no(text)
    if question.kind == "number":
        return _number(text, question)
    return _photo(typed.strip()) if question.kind == "photo" else _text(text)


def yes_or_no(typed: str) -> bool:
    """Return whether a typed word means yes.

    Raises:
        UsageError: `answer.not-yes-or-no`.
    """
    return _yes_or_no(typed.strip()) == "yes"


def _yes_or_no(text: str) -> str:
    word = text.casefold().rstrip(".!")
    if word in YES:
        return "yes"
    if word in NO:
        return "no"
    raise UsageError("answer.not-yes-or-no", found=clean(text))


def _chosen(text: str, names: Mapping[str, Sequence[str]], shown: Sequence[str]) -> str:
    ids = list(names)
    if text.isascii() and text.isdecimal() and len(text) <= 3 and 0 < int(text) <= len(ids):
        return ids[int(text) - 1]
    word = _plain(text)
    exact = [name for name in ids if word in {_plain(name), *map(_plain, names[name])}]
    if len(exact) == 1:
        return exact[0]
    begun = [name for name in ids if any(_plain(told).startswith(word) for told in names[name])]
    if len(begun) == 1:
        return begun[0]
    numbered = "; ".join(f"{number} {told}" for number, told in enumerate(shown, 1))
    if begun:
        raise UsageError("answer.several", found=clean(text), choices=numbered)
    raise UsageError("answer.not-a-choice", found=clean(text), choices=numbered)


def _plain(text: str) -> str:
    return " ".join(text.casefold().replace("ё", "е").split())


def _number(text: str, question: Question) -> float:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise UsageError("answer.not-a-number", found=clean(text))
    value = float(match[1].replace(",", "."))
    low, high = question.at_least, question.at_most
    if (low is not None and value < low) or (high is not None and value > high):
        limits = f"{'…' if low is None else f'{low:g}'} – {'…' if high is None else f'{high:g}'}"
        raise UsageError("answer.out-of-range", found=clean(text), limits=limits)
    return value


def _text(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise UsageError("answer.too-long", found=len(text), limit=MAX_TEXT)
    return clean(text, MAX_TEXT * 4)


def _photo(text: str) -> str:
    """Return the path of a file that is there. What is in it is not looked at."""
    path = Path(text.strip("\"'")).expanduser()  # a file that was dragged into the terminal comes in quotes
    try:
        size = path.stat().st_size if path.is_file() else -1
    except (OSError, ValueError):
        size = -1
    if size < 0:
        raise UsageError("answer.no-file", found=clean(text))
    if size > MAX_PHOTO:
        raise UsageError("answer.photo-too-big", found=clean(path), size=size, limit=MAX_PHOTO)
    return clean(path.resolve(), MAX_TEXT * 4)
