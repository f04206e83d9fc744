"""Hears when a client opens or closes a pseudo-terminal: inotify, Linux only, by way of the C library.

The device's side of a pseudo-terminal must keep the client's side open (else every read fails while nobody is
there), and then nothing else tells when a client comes or goes.
"""

from __future__ import annotations

import ctypes
import os
import struct
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

IN_CLOSE_WRITE, IN_CLOSE_NOWRITE, IN_OPEN, IN_IGNORED = 0x08, 0x10, 0x20, 0x8000
_CLOSE = IN_CLOSE_WRITE | IN_CLOSE_NOWRITE
_HEADER = struct.Struct("iIII")  # watch, mask, cookie, length of the name
_BUFFER = 16 * 1024


class Heard(Protocol):
    """What a watcher tells."""

    def __call__(self, opened: bool, opens_again: bool) -> None:  # noqa: FBT001  both are named
        """Hear of an open or a close; `opens_again`: an open that came later is about to be told.

        The system tells two opens (or two closes) in a row as one: they cannot be counted.
        """


class OpenWatcher:
    """Hears opens and closes of watched files. Without inotify `works` is False and nothing is heard."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heard: dict[int, Heard] = {}
        self._library: Any = None  # the C library's functions have no types
        self._fd = -1
        try:
            self._library = ctypes.CDLL(None, use_errno=True)
            self._fd = self._library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, AttributeError, TypeError):
            return
        if self.works:
            loop.add_reader(self._fd, self.poll)

    @property
    def works(self) -> bool:
        """Whether this system tells us."""
        return self._fd >= 0

    def watch(self, path: str, heard: Heard) -> int:
        """Tell `heard` of opens and closes of `path`; returns what `forget` takes."""
        if not self.works:
            return -1
        watch = int(self._library.inotify_add_watch(self._fd, os.fsencode(path), IN_OPEN | _CLOSE))
        if watch >= 0:
            self._heard[watch] = heard
        return watch

    def forget(self, watch: int) -> None:
        """Stop watching."""
        if self._heard.pop(watch, None) is not None:
            self._library.inotify_rm_watch(self._fd, watch)

    def poll(self) -> None:
        """Tell what has happened until now: a client's bytes are read after its opening was heard."""
        if not self.works:
            return
        while True:
            try:
                data = os.read(self._fd, _BUFFER)
            except BlockingIOError:
                return
            events = list(_events(data))
            for number, (watch, opened) in enumerate(events):
                heard = self._heard.get(watch)
                if heard is not None:
                    heard(opened, (watch, True) in events[number + 1 :])

    def close(self) -> None:
        """Stop watching everything."""
        if self.works:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1
            self._heard.clear()


def _events(data: bytes) -> Iterator[tuple[int, bool]]:
    at = 0
    while at < len(data):
        watch, mask, _cookie, length = _HEADER.unpack_from(data, at)
        at += _HEADER.size + length
        if not mask & IN_IGNORED:
            yield watch, bool(mask & IN_OPEN)
