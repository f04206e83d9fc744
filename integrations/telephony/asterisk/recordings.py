"""Where the recording of a call is: the name that Asterisk wrote, in a folder or below an address."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from integrations.telephony.asterisk.leg import Leg
    from integrations.telephony.asterisk.local_time import LocalTime

SOUND = re.compile(r"[^\r\n]{1,400}\.(?:wav49|wav|mp3|gsm|ogg|opus|g722|alaw|ulaw|sln)", re.IGNORECASE)
_FIELD = re.compile(r"\{(year|month|day|file|uniqueid|linkedid)\}")
_NAMES = ("file", "uniqueid", "linkedid")


def locator(
    pattern: str | None, time: LocalTime, folder: Path | None
) -> Callable[[Sequence[Leg]], str | None]:
    """Return a function from the legs of a call to the address of its recording, None where there is none."""
    if pattern is None:
        return lambda _: None
    whole = pattern
    if not any(f"{{{name}}}" in whole for name in _NAMES):
        whole = f"{whole.rstrip('/')}/{{file}}"
    web = "://" in whole
    base = "" if web else str(_absolute(Path(), folder))

    def address(legs: Sequence[Leg]) -> str | None:
        name, leg = _recorded(legs)
        if not name and "{file}" in whole:
            return None
        fields = {
            "year": f"{time.shown(leg.start):%Y}",
            "month": f"{time.shown(leg.start):%m}",
            "day": f"{time.shown(leg.start):%d}",
            "file": name,
            "uniqueid": _harmless(leg.uniqueid),
            "linkedid": _harmless(leg.key),
        }
        if any(f"{{{key}}}" in whole and not value for key, value in fields.items()):
            return None
        if web:
            return _FIELD.sub(lambda match: quote(fields[match[1]]), whole)
        path = Path(_FIELD.sub(lambda match: fields[match[1]], whole)).expanduser()
        return (path if path.is_absolute() else Path(base) / path).as_uri()

    return address


def folder_of(pattern: str, folder: Path | None) -> Path | None:
    """Return the folder below which the recordings lie; None for a web address."""
    if "://" in pattern:
        return None
    fixed = pattern.partition("{")[0]
    path = Path(fixed if fixed == pattern or fixed.endswith("/") else fixed.rpartition("/")[0] or "/")
    return _absolute(path.expanduser(), folder)


def _absolute(path: Path, folder: Path | None) -> Path:
    return path.absolute() if path.is_absolute() or folder is None else (folder / path).absolute()


def _recorded(legs: Sequence[Leg]) -> tuple[str, Leg]:
    for leg in legs:
        for text in (leg.recording, leg.userfield):
            if text and SOUND.fullmatch(text.strip()):
                return _harmless(text.strip()), leg
    return "", legs[0]


def _harmless(name: str) -> str:
    """Return a relative name that leads nowhere else: the records may be written by others."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or parts[0].endswith("/"):  # a whole path: only its last part is ours to look for
        return parts[-1] if len(parts) > 1 else ""
    return "" if ".." in parts else "/".join(parts)
