"""The runs on this computer: where their journals lie, and which one a person means."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from playbooks.engine.journal import read
from supportctl.core.errors import UsageError
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from playbooks.engine.records import Ended, Header

LAST = "last"
_ENDING = ".jsonl"
_SHOWN = 5
_TRIES = 16
_KEPT = "playbooks"


class Listed(NamedTuple):
    """One journal. `error` says why it cannot be read; then there is no header."""

    run: str
    path: Path
    header: Header | None = None
    ended: Ended | None = None
    at_s: float = 0.0
    error: UsageError | None = None


def new_run_id(folder: Path, now: datetime) -> str:
    """Return an id that no run in the folder has, can be told on the telephone, and sorts by time.

    It is short, so chance alone would give two runs of one minute the same id now and then.
    """
    for _ in range(_TRIES):
        run = f"{now:%y%m%d-%H%M}-{os.urandom(2).hex()}"
        if not journal_path(folder, run).exists():
            return run
    return f"{now:%y%m%d-%H%M}-{os.urandom(8).hex()}"


def journal_path(folder: Path, run: str) -> Path:
    """Return where the journal of a run lies."""
    return folder / f"{run}{_ENDING}"


def journals(folder: Path) -> list[Path]:
    """Return the journals, the newest first."""
    try:
        return sorted(folder.glob(f"*{_ENDING}"), key=lambda path: path.name, reverse=True)
    except OSError:
        return []


def listed(folder: Path, limit: int) -> list[Listed]:
    """Return the runs, the newest first; a journal that is damaged hides no other."""
    found = []
    for path in journals(folder)[:limit]:
        try:
            record = read(path)
        except UsageError as error:
            found.append(Listed(path.stem, path, error=error))
        else:
            found.append(Listed(path.stem, path, record.header, record.ended, record.last_at))
    return found


def kept_folder(folder: Path, digest: str) -> Path:
    """Return where a playbook and what it includes are kept as they were when a run of them began."""
    return folder / _KEPT / digest


def keep(folder: Path, digest: str, texts: Mapping[str, str]) -> None:
    """Keep a playbook with all that it includes: its runs can be read, and go on, after it has changed.

    A place that does not take them costs nothing but that.
    """
    kept = kept_folder(folder, digest)
    if kept.is_dir():
        return
    with suppress(OSError):
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{digest[:12]}-", dir=kept.parent))
        for name, text in texts.items():
            # other ends of lines, as Windows writes them, would make it another playbook
            (partial / f"{name}.yaml").write_text(text, encoding="utf-8", newline="")
        with suppress(OSError):  # another run has kept the same meanwhile
            partial.rename(kept)
            return
        shutil.rmtree(partial, ignore_errors=True)


def _nothing(_path: Path) -> None: ...


def find_run(
    folder: Path,
    word: str,
    *,
    begun: bool = False,
    passed_over: Callable[[Path], None] = _nothing,
) -> Path:
    """Return the journal that a person means: an id, its beginning, or `last`.

    The last is the newest that can be read (with `begun`: that has come to its first step); `passed_over`
    hears of each that is newer. If none can be, it is the newest: reading it says what is wrong.

    Raises:
        UsageError: `run.none`, `run.unknown`, `run.several`.
    """
    known = journals(folder)
    if not known:
        raise UsageError("run.none", found=clean(word))
    if word == LAST:
        return _last(known, passed_over, begun=begun)
    found = [path for path in known if path.stem == word] or [
        path for path in known if word and path.stem.startswith(word)
    ]
    newest = ", ".join(path.stem for path in known[:_SHOWN])
    if not found:
        raise UsageError("run.unknown", found=clean(word), nearest=newest)
    if len(found) > 1:
        raise UsageError("run.several", found=word, nearest=", ".join(path.stem for path in found[:_SHOWN]))
    return found[0]


def _last(known: Sequence[Path], passed_over: Callable[[Path], None], *, begun: bool) -> Path:
    newest = sorted(known, key=lambda path: (path.stat().st_mtime, path.name), reverse=True)
    for number, path in enumerate(newest):
        try:
            record = read(path)
        except UsageError:
            continue
        if record.events or not begun:
            for each in newest[:number]:
                passed_over(each)
            return path
    return newest[0]
