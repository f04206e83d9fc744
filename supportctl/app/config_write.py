"""Adds targets to a configuration without touching anything else in it: comments, order and style stay.

The text is changed by hand, then read again as a whole before it replaces the file in one step; whatever goes
wrong, the file is as it was. Two writers wait for each other, and a file that changed meanwhile is not
overwritten.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from supportctl.app.config_file import FILE_NAME, find_config, read_config
from supportctl.app.config_problems import understand
from supportctl.core.deadline import Deadline
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.reading.yaml_tree import read_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from supportctl.core.clock import Clock
    from supportctl.core.site import SiteConfig
    from supportctl.core.target import Target
    from supportctl.reading.yaml_tree import Node

LOCK_WAIT_S = 5.0
_POLL_S = 0.05
_HEADER = "# What this file may say: docs/configuration.md; `supportctl config check` looks for mistakes.\n"


def add_targets(path: Path | None, targets: Sequence[Target], clock: Clock) -> tuple[Path, list[Target]]:
    """Add those of `targets` that the configuration has not got; returns the file and what was added.

    Each target has a name. Without a file one is begun: `path`, else `./supportctl.yaml`.

    Raises:
        UsageError: the file is not a sound configuration, another program is writing it, or it may not be
            written; it is unchanged then.
    """
    file = (find_config(path) or Path(FILE_NAME)).resolve()
    with _locked(file, clock):
        try:
            return file, _add(file, targets)
        except OSError as error:
            raise UsageError("discover.cannot-write", found=file, reason=error.strerror or error) from error


def _add(file: Path, targets: Sequence[Target]) -> list[Target]:
    before = file.read_bytes() if file.exists() else b""
    config = None
    if before.strip():
        config = read_config(file).config
        if config is None:
            raise UsageError("discover.config-broken", found=file)
    new = _named(_unknown(targets, config), config)
    if not new:
        return []
    text = before.decode("utf-8-sig")
    changed = with_targets(text, new)
    _must_be_sound(file, changed, config, new)
    mark = b"\xef\xbb\xbf" if before.startswith(b"\xef\xbb\xbf") else b""
    _replace(file, before, mark + changed.encode("utf-8"))
    return new


def replaced(file: Path, change: Callable[[str], str], is_sound: Callable[[str], bool], clock: Clock) -> None:
    """Replace the text of a configuration by what `change` makes of it, if `is_sound` says so.

    Raises:
        UsageError: another program is writing it, or it may not be written; it is unchanged then.
        SupportctlError: the new text would not say what it should.
    """
    with _locked(file, clock):
        try:
            before = file.read_bytes()
            mark = b"\xef\xbb\xbf" if before.startswith(b"\xef\xbb\xbf") else b""
            changed = change(before.decode("utf-8-sig"))
            if not is_sound(changed):
                raise SupportctlError("discover.cannot-insert", found=file)
            _replace(file, before, mark + changed.encode("utf-8"))
        except OSError as error:
            raise UsageError("discover.cannot-write", found=file, reason=error.strerror or error) from error


def _unknown(targets: Sequence[Target], config: SiteConfig | None) -> list[Target]:
    seen = {target.endpoint for target in config.parsed_targets()} if config else set()
    found = []
    for target in targets:
        if target.endpoint not in seen:
            seen.add(target.endpoint)
            found.append(target)
    return found


def _named(targets: Sequence[Target], config: SiteConfig | None) -> list[Target]:
    taken = {entry.name.casefold() for entry in config.targets} if config else set()
    named = []
    for target in targets:
        name = stem = target.name or "device"
        number = 2
        while name.casefold() in taken:
            name, number = f"{stem}-{number}", number + 1
        taken.add(name.casefold())
        named.append(target.named(name))
    return named


def with_targets(text: str, targets: Sequence[Target]) -> str:
    """Return the text of a sound configuration with further entries in its list of targets."""
    newline = "\r\n" if "\r\n" in text else "\n"
    tree = read_tree(text)
    node = tree.mapping.get("targets") if tree else None
    lines = text.splitlines(keepends=True)
    if tree is None or node is None:
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += newline
        start = "" if text.strip() else _HEADER
        return "".join(lines) + newline.join((f"{start}targets:", *_block(targets, 2), ""))
    if node.closed:
        return _into_brackets(lines, node, targets)
    return _into_block(lines, tree, node, targets, newline)


def _entry(target: Target) -> str:
    # a JSON string is a YAML string: no quoting rules of our own
    name, url = (json.dumps(text, ensure_ascii=False) for text in (target.name, target.url))
    return f"{{name: {name}, url: {url}}}"


def _block(targets: Sequence[Target], indent: int) -> list[str]:
    return [f"{' ' * indent}- {_entry(target)}" for target in targets]


def _into_brackets(lines: list[str], node: Node, targets: Sequence[Target]) -> str:
    assert node.closed is not None
    number, column = node.closed.line - 1, node.closed.column - 1
    line = lines[number]
    before = line[:column].rstrip()
    separator = "" if not node.items or before.endswith(",") else ", "
    if not before.strip():  # the bracket stands on a line of its own; the last entry is further up
        last = number - 1
        while last > 0 and (not lines[last].strip() or lines[last].lstrip().startswith("#")):
            last -= 1
        if separator and not _without_comment(lines[last]).endswith(","):
            return _as_block_fallback(lines, node, targets)
        separator = ""
    added = ", ".join(_entry(target) for target in targets)
    lines[number] = f"{line[:column].rstrip() or line[:column]}{separator}{added}{line[column:]}"
    return "".join(lines)


def _as_block_fallback(lines: list[str], node: Node, targets: Sequence[Target]) -> str:
    """Put the comma at the beginning of our line: ugly, but right whatever stands on the line above."""
    assert node.closed is not None
    number, column = node.closed.line - 1, node.closed.column - 1
    line = lines[number]
    added = ", ".join(_entry(target) for target in targets)
    lines[number] = f"{line[:column]}  , {added}{line[column:]}"
    return "".join(lines)


def _without_comment(line: str) -> str:
    return line.partition(" #")[0].rstrip()


def _into_block(lines: list[str], tree: Node, node: Node, targets: Sequence[Target], newline: str) -> str:
    start = tree.keys["targets"].line  # 1-based: the line after the key, counted from 0
    following = [place.line - 1 for place in tree.keys.values() if place.line > start]
    end = min(following, default=len(lines))
    floor = node.items[-1].place.line if node.items else start
    while end > floor and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    indent = 2
    if node.items:
        line = lines[node.items[-1].place.line - 1]
        indent = len(line) - len(line.lstrip())
    if not lines[end - 1].endswith("\n"):
        lines[end - 1] += newline
    lines[end:end] = [entry + newline for entry in _block(targets, indent)]
    return "".join(lines)


def _must_be_sound(file: Path, text: str, before: SiteConfig | None, new: Sequence[Target]) -> None:
    """Read the new text as if it was the file: it says what it said, and the new targets."""
    try:
        tree = read_tree(text)
        config = understand(tree)[0] if tree else None
    except UsageError:
        config = None
    old = before.targets if before else ()
    if config is not None:
        kept = before is None or config.model_copy(update={"targets": old}) == before
        urls = [entry.url for entry in config.targets]
        if kept and config.targets[: len(old)] == old and urls[len(old) :] == [target.url for target in new]:
            return
    raise SupportctlError("discover.cannot-insert", found=file)


def _replace(file: Path, before: bytes, after: bytes) -> None:
    """Replace the file in one step, with the rights that it had; put it back if it cannot be read then."""
    existed = file.exists()
    if existed and file.read_bytes() != before:
        raise UsageError("discover.config-busy", found=file)
    _write_whole(file, after, file.stat().st_mode if existed else None)
    try:
        sound = read_config(file).config is not None
    except SupportctlError:
        sound = False
    if not sound:
        if existed:
            _write_whole(file, before, None)
        else:
            file.unlink()
        raise SupportctlError("discover.cannot-insert", found=file)


def _write_whole(file: Path, data: bytes, mode: int | None) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(opened.fileno())
        partial.chmod((mode or 0o644) & 0o777)
        partial.replace(file)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _locked(file: Path, clock: Clock) -> Iterator[None]:
    """Hold the lock of this file; it lies in the folder for temporary files, so that no litter is left."""
    name = hashlib.sha256(str(file).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    until = Deadline.after(LOCK_WAIT_S, clock)
    lock_file = (
        Path(tempfile.gettempdir()) / f"supportctl-{os.getuid() if hasattr(os, 'getuid') else 0}-{name}.lock"
    )
    with lock_file.open("a+b") as lock:
        while not _try_lock(lock.fileno()):
            if until.expired:
                raise UsageError("discover.config-busy", found=file)
            clock.sleep(_POLL_S)
        yield


def _try_lock(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
