"""Records what a terminal shows while a session is open. It is always on, and it is said."""

from __future__ import annotations

import shutil
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from supportctl.cli.output import echo_wrapped
from supportctl.remote.recording import Recorder, Recording, Title

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from supportctl.catalog import Catalog
    from supportctl.core.clock import Clock


@contextmanager
def recorded(log: Path, ticket: str, catalog: Catalog, clock: Clock, *, err: bool = False) -> Iterator[None]:
    """Keep what standard output shows in two files beside an audit log; they are named at the end.

    `err` says it on standard error. Where they cannot be written that is said, and the session goes on: what
    is done stands in the audit log.
    """
    size = shutil.get_terminal_size()
    side = log.stem.rpartition("-")[
        2
    ]  # no more of the name: its digits beside a ticket's can look like a card
    title = Title(f"{ticket}, {side}", size.columns, size.lines)
    try:
        recording = Recording(log.with_suffix(""), title, clock)
    except OSError as error:
        echo_wrapped(catalog.phrase("share.not-recorded", reason=error.strerror or error), 2, err=True)
        yield
        return
    shown = sys.stdout
    recorder = Recorder(shown, recording)
    sys.stdout = recorder
    try:
        echo_wrapped(catalog.phrase("share.recorded"), err=err)
        yield
    finally:
        sys.stdout = shown
        broken = recorder.broken
        try:
            recording.close()
        except OSError:
            broken = True
        words = "share.recording-cut" if broken else "share.recording-kept"
        kept = {"text": log.with_suffix(".txt"), "cast": log.with_suffix(".cast")}
        echo_wrapped(catalog.phrase(words, **kept), 2, err=err)
