"""Replaces a file in one step, with its rights and owner: killed at any moment, it is the old or the new."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SUFFIX = ".supportctl-new"


class ChangedError(Exception):
    """Somebody else has changed the file since it was read."""


def replace(path: Path, was: bytes, data: bytes) -> None:
    """Put `data` in place of `was`.

    Raises:
        ChangedError: the file is not `was` any more.
        OSError: it cannot be written; it is unchanged then.
    """
    new = _beside(path)
    tidy(path)  # of a process that was killed here
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        seen = path.stat()
        if hasattr(os, "chown"):
            os.chown(new, seen.st_uid, seen.st_gid)
        shutil.copystat(path, new)  # rights and extended attributes
        os.utime(new)
        if path.is_symlink() or path.read_bytes() != was:
            raise ChangedError
        os.replace(new, path)  # noqa: PTH105  the call whose promise we rely on
    except BaseException:
        tidy(path)
        raise
    _keep_folder(path)


def tidy(path: Path) -> None:
    """Remove what a killed process left beside the file."""
    with contextlib.suppress(OSError):
        _beside(path).unlink()


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}{_SUFFIX}")


def _keep_folder(path: Path) -> None:
    """Have the new name on the disk before we tell that it is there; Windows has no such call."""
    with contextlib.suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
