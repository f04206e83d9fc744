"""Free space on the volumes that a till writes to, and volumes that fell back to read-only."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from probes.host.verdict import Verdict
from supportctl.core.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from probes.context import ProbeContext
    from supportctl.core.finding import Finding

_FULL_MB = 100  # below it, databases and spoolers stop
_MIB = 1024 * 1024
_ASK_S = 3.0  # a volume that needs longer is a dead network drive
_IN_MEMORY = {"tmpfs", "ramfs", "devtmpfs", "squashfs", "iso9660", "udf", "overlay-ro"}
_ST_RDONLY = 1
# A till's data lies here; several of them are usually one volume. `/` alone may be read-only on purpose.
_UNIX_FOLDERS = ("/", "/home", "/var", "/var/lib", "/var/log", "/var/spool", "/opt", "/srv")
_WRITTEN_TO = ("/home", "/var", "/var/lib", "/var/log", "/var/spool")


class Volume(NamedTuple):
    """One volume. `inodes_free` is None where the file system has no such limit."""

    path: str
    free_mb: int
    total_mb: int
    inodes_free: int | None = None
    read_only: bool = False
    is_written_to: bool = True


class DiskProbe:
    """This computer's volumes."""

    codes = frozenset({"host.disk", "host.disk-low", "host.disk-read-only"})

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield what is wrong with a volume, and `host.disk` when nothing is."""
        from probes.links.worker import TooLate, in_time

        started = context.clock.monotonic()
        try:
            volumes = in_time(read_volumes, context.deadline.within(_ASK_S))
        except TooLate:
            return
        for verdict in check_volumes(volumes, context.settings.disk_free_mb):
            yield verdict.told(context, started)


def read_volumes() -> tuple[Volume, ...]:
    """Return the volumes that a till writes to, each once."""
    return tuple(_windows_volumes() if sys.platform == "win32" else _unix_volumes())


def _unix_volumes() -> Iterator[Volume]:
    import psutil

    types = {part.mountpoint: part.fstype for part in psutil.disk_partitions(all=True)}
    seen: dict[int, str] = {}
    for folder in _UNIX_FOLDERS:
        try:
            device = Path(folder).stat().st_dev
            numbers = os.statvfs(folder)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            continue
        mounted = next((str(p) for p in (Path(folder), *Path(folder).parents) if str(p) in types), folder)
        if device in seen or types.get(mounted) in _IN_MEMORY:
            continue
        seen[device] = folder
        written = any(_device(path) == device for path in _WRITTEN_TO)
        yield Volume(
            mounted,
            numbers.f_bavail * numbers.f_frsize // _MIB,
            numbers.f_blocks * numbers.f_frsize // _MIB,
            numbers.f_favail if numbers.f_files else None,
            bool(numbers.f_flag & _ST_RDONLY),
            written,
        )


def _device(path: str) -> int | None:
    try:
        return Path(path).stat().st_dev
    except OSError:
        return None


def _windows_volumes() -> Iterator[Volume]:
    import psutil

    for part in psutil.disk_partitions(all=False):
        if "fixed" not in part.opts:  # card readers, CD drives and network drives are not the till's own
            continue
        try:
            usage = psutil.disk_usage(part.mountpoint)
        except OSError:  # locked by BitLocker
            continue
        read_only = "ro" in part.opts.split(",")
        yield Volume(part.mountpoint, usage.free // _MIB, usage.total // _MIB, None, read_only)


def check_volumes(volumes: Iterable[Volume], wanted_mb: int) -> Iterator[Verdict]:
    """Yield what is wrong with `volumes`; `wanted_mb` is the free space below which a warning is due.

    Small volumes (a boot partition, a flash disk) are measured by their size: a tenth is enough.
    """
    listed = list(volumes)
    sound = True
    for volume in listed:
        for verdict in _check(volume, wanted_mb):
            sound = False
            yield verdict
    if listed and sound:
        least = min(listed, key=lambda volume: volume.free_mb)
        got = "; ".join(_shown(volume) for volume in listed)
        args = {"path": least.path, "free_mb": least.free_mb}
        yield Verdict(Status.OK, "host.disk", "free space", got, "", args)


def _check(volume: Volume, wanted_mb: int) -> Iterator[Verdict]:
    args: dict[str, object] = {"path": volume.path, "free_mb": volume.free_mb, "total_mb": volume.total_mb}
    if volume.read_only:
        if volume.is_written_to:
            asked, got = f"mount flags of {volume.path}", "read-only"
            yield Verdict(Status.FAULT, "host.disk-read-only", asked, got, "host.mounted-read-only", args)
        return
    asked = f"free space of {volume.path}"
    if volume.free_mb < min(_FULL_MB, volume.total_mb // 50):
        yield Verdict(Status.FAULT, "host.disk-low", asked, _shown(volume), "host.almost-full", args)
    elif volume.inodes_free == 0:
        yield Verdict(Status.FAULT, "host.disk-low", asked, "0 inodes free", "host.no-inodes", args)
    elif volume.free_mb < min(wanted_mb, volume.total_mb // 10):
        yield Verdict(Status.WARNING, "host.disk-low", asked, _shown(volume), "host.little-space", args)


def _shown(volume: Volume) -> str:
    return f"{volume.path} {volume.free_mb} of {volume.total_mb} MB free"
