"""The customer's check: everything that can be asked without options, and a page to keep or to send."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from supportctl.app.check import CheckRequest, run_check
from supportctl.catalog import Catalog
from supportctl.report import render

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from probes.runner import Job
    from supportctl.app.bundle import Made
    from supportctl.core.clock import Clock
    from supportctl.core.report import Report

PAGE_NAME = "supportctl-report.html"
# What the page renderer writes near the top of every page, in every version: by it a page is known as ours.
_OURS = b'<meta name="generator" content="supportctl '
_HEAD_BYTES = 4096
_TRIES = 50


class SelfCheck(NamedTuple):
    """The report, and the page if there was a place to write it."""

    report: Report
    page: Path | None


def self_check(
    lang: str,
    config: Path | None = None,
    *,
    clock: Clock | None = None,
    on_change: Callable[[Sequence[Job]], None] | None = None,
    folders: Iterable[Path] | None = None,
) -> SelfCheck:
    """Check what the configuration names, else this computer, its network and what is found safely.

    The page goes to the first of `folders` that takes it; by default the current folder, then the documents
    of the user, then the folder for temporary files.

    Raises:
        UsageError: there is a configuration, but it cannot be read.
    """
    report = run_check(CheckRequest(lang=lang, config=config), clock=clock, on_change=on_change)
    page = render(report, "html", catalog=Catalog(lang))
    for folder in folders if folders is not None else _folders():
        with suppress(OSError):
            return SelfCheck(report, write_page(folder, page, report.started_at))
    return SelfCheck(report, None)


def pack(result: SelfCheck, lang: str, config: Path | None = None) -> Made:
    """Make a bundle of a check that was made, beside its page.

    Raises:
        SupportctlError: `bundle.unwritable`.
    """
    from supportctl.app.bundle import DEADLINE_S, create
    from supportctl.app.bundle_collect import Asked

    ready = render(result.report, "json", catalog=Catalog(lang))
    folder = result.page.parent if result.page else Path(tempfile.gettempdir())
    stamp = datetime.fromisoformat(result.report.started_at).strftime("%Y-%m-%d-%H%M%S")
    output = folder / f"supportctl-bundle-{stamp}.zip"
    return create(Asked(lang, config, None, DEADLINE_S, ready), output)


def write_page(folder: Path, page: str, started_at: str) -> Path:
    """Write the page into `folder` and return its path; only a page of ours is ever replaced.

    Raises:
        OSError: the folder does not take it.
    """
    first = folder / PAGE_NAME
    if _is_ours(first):
        _replace(first, page)
        return first.absolute()
    for path in (first, *_dated(folder, started_at)):
        with suppress(FileExistsError):
            _create(path, page)
            return path.absolute()
    raise FileExistsError(first)


def _folders() -> Iterator[Path]:
    yield Path()
    import platformdirs

    yield platformdirs.user_documents_path()
    yield Path(tempfile.gettempdir())


def _dated(folder: Path, started_at: str) -> Iterator[Path]:
    stamp = datetime.fromisoformat(started_at).strftime("%Y-%m-%d-%H%M")
    stem, suffix = PAGE_NAME.split(".")
    yield folder / f"{stem}-{stamp}.{suffix}"
    for number in range(2, _TRIES):
        yield folder / f"{stem}-{stamp}-{number}.{suffix}"


def _is_ours(path: Path) -> bool:
    """A link is never ours: what it points to may belong to somebody."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return _OURS in file.read(_HEAD_BYTES)


def _create(path: Path, page: str) -> None:
    with path.open("x", encoding="utf-8") as file:
        try:
            file.write(page)
        except OSError:  # the disk is full: half a page helps nobody
            path.unlink(missing_ok=True)
            raise


def _replace(path: Path, page: str) -> None:
    handle, name = tempfile.mkstemp(prefix=".supportctl-", suffix=".part", dir=path.parent)
    partial = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(page)
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
