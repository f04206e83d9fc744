"""Texts of a playbook: each in every language of the playbook, with `{places}` that facts are filled into."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LANGUAGES = ("en", "ru")
MAX_TEXT = 2_000  # characters: longer ones are never read on the telephone

_PLACE = re.compile(r"\{([^{}\n]{1,80})\}")


def _sentence(value: str) -> str:
    text = value.strip()
    if not text:
        raise PydanticCustomError("playbook.empty-text", "text")
    if len(text) > MAX_TEXT:
        raise PydanticCustomError("playbook.long-text", "text", {"size": len(text), "limit": MAX_TEXT})
    return text


def _languages(value: dict[str, str]) -> dict[str, str]:
    unknown = [language for language in value if language not in LANGUAGES]
    if unknown:
        known = ", ".join(LANGUAGES)
        raise PydanticCustomError(
            "playbook.unknown-language", "language", {"found": unknown[0], "known": known}
        )
    if not value:
        raise PydanticCustomError("playbook.empty-text", "text")
    return value


Sentence = Annotated[str, AfterValidator(_sentence)]
Text = Annotated[
    dict[str, Sentence],
    AfterValidator(_languages),
    Field(description="The text in each language: {en: ..., ru: ...}."),
]


def in_language(text: Mapping[str, str], lang: str) -> str:
    """Return the text in `lang`, else in another language that it has."""
    return text.get(lang) or next((text[other] for other in LANGUAGES if other in text), "")


def places(text: str) -> Iterator[str]:
    """Yield the names of the places in a text, `{printer}` as `printer`."""
    for match in _PLACE.finditer(text):
        yield match[1]


def filled(text: str, facts: Mapping[str, str]) -> str:
    """Return the text with its places filled; a fact that is not known is told as an ellipsis."""
    return _PLACE.sub(lambda match: facts.get(match[1], "…"), text)
