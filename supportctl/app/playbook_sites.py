"""A list of sites in a file: `--set sites=@FILE`. One target a line, then its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from supportctl.core.errors import UsageError
from supportctl.core.text import clean
from supportctl.reading.text_file import read_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAX_BYTES = 256 * 1024
MAX_SITES = 1000
MAX_NAME = 80


class Site(NamedTuple):
    """One line. `word` is a URL or a name of the configuration."""

    line: int
    word: str
    name: str = ""


def read_sites(path: Path) -> list[Site]:
    """Return the sites of a file; blank lines and those that begin with # do not count.

    Raises:
        UsageError: `run.sites-*`: unreadable, empty, too many, or a line that is none.
    """
    path = path.expanduser()
    try:
        text = read_text(path, MAX_BYTES)
    except UsageError as error:
        reason = error.key.partition(".")[2]
        where = error.args_by_name.get("where", path)
        raise UsageError("run.sites-unreadable", where=where, found=path, reason=reason) from None
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        word, *rest = line.split(None, 1)
        name = rest[0].strip() if rest else ""
        if word.endswith((",", ";")) or len(name) > MAX_NAME or not name.isprintable():
            raise UsageError("run.sites-bad-line", where=f"{path}:{number}", found=clean(line, 120))
        found.append(Site(number, word, name))
        if len(found) > MAX_SITES:
            raise UsageError("run.sites-too-many", where=f"{path}:{number}", limit=MAX_SITES)
    if not found:
        raise UsageError("run.sites-empty", where=f"{path}:1", found=path)
    return found


def placed(path: Path, line: int, make: Callable[[], str]) -> str:
    """Return what `make` makes of a line.

    Raises:
        UsageError: that of `make`, with the line.
    """
    try:
        return make()
    except UsageError as error:
        raise UsageError(error.key, **{**error.args_by_name, "where": f"{path}:{line}"}) from None
