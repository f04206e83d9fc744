"""Reads a text file that people write: of a bounded size, in UTF-8, and nothing but a file."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 1024 * 1024


def read_text(path: Path, limit: int = MAX_BYTES) -> str:
    """Return the text of a file: a regular one of at most `limit` bytes in UTF-8.

    Raises:
        UsageError: `config.not-found`, `config.directory`, `config.not-a-file`, `config.unreadable`,
            `config.too-big`, `config.not-utf8`, `config.zeros`.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise UsageError("config.directory", found=path)
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
            raise UsageError("config.not-a-file", found=path)
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError:
        raise UsageError("config.not-found", found=path) from None
    except (OSError, ValueError) as error:
        raise UsageError(
            "config.unreadable", found=path, reason=getattr(error, "strerror", "") or error
        ) from None
    if len(data) > limit:
        raise UsageError("config.too-big", found=path, size=max(status.st_size, len(data)), limit=limit)
    return decoded(path, data)


def decoded(path: Path, data: bytes) -> str:
    """Return the text of these bytes.

    Raises:
        UsageError: `config.utf16`, `config.zeros`, `config.not-utf8`.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageError("config.utf16", where=path)
    if b"\0" in data:  # what a power cut leaves of a file that was being written
        raise UsageError("config.zeros", where=path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        start = data.rfind(b"\n", 0, error.start) + 1
        column = error.start - start + 1
        text = data[start : start + 200].split(b"\n")[0].decode("cp1251", errors="replace").strip()
        raise UsageError("config.not-utf8", where=f"{path}:{line}:{column}", found=text) from None
