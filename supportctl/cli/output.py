"""Where the commands write: standard output and files."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

_NARROW, _WIDE = 60, 110


def terminal_colour() -> bool:
    """Return whether standard output shows colours: a terminal, and NO_COLOR not set (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def terminal_width() -> int | None:
    """Return the width of the terminal in columns, None when standard output is no terminal."""
    if not sys.stdout.isatty():
        return None
    import shutil

    return max(_NARROW, min(_WIDE, shutil.get_terminal_size().columns))


def echo_wrapped(text: str, indent: int = 0, *, err: bool = False, bold: bool | None = None) -> None:
    """Write a line, broken between words where the terminal ends; what goes on is indented.

    A word that is longer than a line begins in a line of its own.
    """
    import click

    width = terminal_width() or 0
    if width > indent and len(text) >= width:
        import textwrap

        first = len(text) - len(text.lstrip(" "))
        text = "\n".join(
            textwrap.wrap(
                text.lstrip(" "),
                width - 1,
                initial_indent=" " * first,
                subsequent_indent=" " * indent,
                break_on_hyphens=False,
                break_long_words=False,  # a path or a hash is copied in one piece
            )
        )
    click.secho(text, err=err, bold=bold)


def write_file(path: Path, text: str) -> None:
    """Write a whole file or none: a half-written report is never left behind.

    Raises:
        UsageError: the file cannot be written there.
    """
    partial = path.with_name(f".{path.name}.part")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise UsageError("check.cannot-write", found=path, reason=error.strerror or error) from error
