"""Packets for support as ZIP files: how they are written, and how one that came from elsewhere is read.

A foreign packet is read in memory and never unpacked: its names never become paths. A ZIP inside of it stays
shut.
"""

from __future__ import annotations

import io
import json
import os
import re
import stat
import struct
import tempfile
import unicodedata
import zipfile
import zlib
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from supportctl.core.errors import UsageError
from supportctl.core.run_report import PacketFile

if TYPE_CHECKING:
    from collections.abc import Mapping

MANIFEST = "manifest.json"
MAX_FILE = 64 * 1024 * 1024  # bytes of a packet
MAX_TOTAL = 128 * 1024 * 1024  # bytes of all that is in it, unpacked
MAX_MEMBER = 32 * 1024 * 1024
MAX_COUNT = 500
MAX_RATIO = 200  # unpacked to packed, from this on a text is no text
_SMALL = 64 * 1024  # below that a ratio says nothing
_MAX_NAME = 200
_END = struct.Struct("<4s4H2LH")
_MAX_DIRECTORY = 1024 * 1024
_RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?")
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


class Packed(NamedTuple):
    """A packet that was read: each file by its name, without the folder that all are in."""

    folder: str
    members: Mapping[str, bytes]


def described(name: str, data: bytes) -> PacketFile:
    """Return a file as the manifest names it."""
    return PacketFile(name, len(data), sha256(data).hexdigest())


def packed(folder: str, members: Mapping[str, bytes], manifest: Mapping[str, object]) -> bytes:
    """Return a packet: the files and the manifest in one folder."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{folder}/{name}", data)
        text = json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
        archive.writestr(f"{folder}/{MANIFEST}", text.encode("utf-8", "backslashreplace"))
    return out.getvalue()


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner reads: whole, or not at all.

    Raises:
        OSError: it cannot be written there.
    """
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with 0600
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def unpacked(path: Path) -> Packed:
    """Return what is in a packet that somebody sent.

    Raises:
        UsageError: `bundle.unreadable`, `bundle.no-zip`, `bundle.too-big`, `bundle.unsafe`, `bundle.damaged`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise UsageError("bundle.unreadable", found=path, reason=error.strerror or error) from None
    return unpacked_data(data, path)


def unpacked_data(data: bytes, path: Path) -> Packed:
    """Return what is in a packet that came over a session; `path` names it. Raises as `unpacked`."""
    if len(data) > MAX_FILE:
        raise UsageError("bundle.too-big", found=path.name, limit=MAX_FILE)
    _check_end(data, path)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            _check_all(infos)
            members = {info.orig_filename: _read(archive, info) for info in infos}
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        OSError,
    ) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError("bundle.damaged", found=path.name, reason=error) from None
    folders = {name.partition("/")[0] for name in members}
    if len(folders) != 1 or not all("/" in name for name in members):
        raise UsageError("bundle.no-bundle", found=path.name)
    return Packed(folders.pop(), {name.partition("/")[2]: content for name, content in members.items()})


def _check_end(data: bytes, path: Path) -> None:
    """Look at the end of the directory before `zipfile` reads all that it promises."""
    place = data.rfind(b"PK\5\6", max(len(data) - 65_557, 0))
    if place < 0 or place + _END.size > len(data):
        raise UsageError("bundle.no-zip", found=path.name)
    _, disk, start, here, count, size, _, _ = _END.unpack_from(data, place)
    if disk or start or here != count or count > MAX_COUNT or size > _MAX_DIRECTORY:
        raise UsageError("bundle.too-big", found=path.name, limit=MAX_COUNT)


def _check_all(infos: list[zipfile.ZipInfo]) -> None:
    seen: set[str] = set()
    total, last = 0, 0
    if len(infos) > MAX_COUNT:
        raise UsageError("bundle.too-big", found=len(infos), limit=MAX_COUNT)
    for info in sorted(infos, key=lambda each: each.header_offset):
        name = info.orig_filename
        if why := _why_unsafe(info, name):
            raise UsageError("bundle.unsafe", found=name, reason=why)
        folded = unicodedata.normalize("NFKC", name).casefold()
        if folded in seen:
            raise UsageError("bundle.unsafe", found=name, reason="doubled name")
        seen.add(folded)
        total += info.file_size
        if info.file_size > MAX_MEMBER or total > MAX_TOTAL:
            raise UsageError("bundle.too-big", found=name, limit=MAX_MEMBER)
        if info.file_size > _SMALL and info.file_size > MAX_RATIO * max(info.compress_size, 1):
            raise UsageError("bundle.too-big", found=name, limit=f"1:{MAX_RATIO}")
        if info.header_offset < last:
            raise UsageError("bundle.unsafe", found=name, reason="overlaps another file")
        last = info.header_offset + info.compress_size + len(name)


def _why_unsafe(info: zipfile.ZipInfo, name: str) -> str:
    """Return what is wrong with an entry; the words are for those who know what a ZIP is."""
    parts = name.split("/")
    kind = stat.S_IFMT(info.external_attr >> 16)
    checks = (
        (not name or len(name) > _MAX_NAME, "length of the name"),
        (any(unicodedata.category(letter) in _HIDDEN for letter in name), "control characters in the name"),
        ("\\" in name or ":" in name or name.startswith("/"), "absolute or foreign name"),
        (
            any(part in {"", ".", ".."} or part != part.rstrip(". ") for part in parts),
            "path that leads elsewhere",
        ),
        (any(_RESERVED.fullmatch(part) for part in parts), "reserved name"),
        (kind not in {0, stat.S_IFREG}, "link or device"),  # 0: made without a type, as Python does
        (bool(info.flag_bits & 0x1), "encrypted"),
        (info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}, "unusual compression"),
    )
    return next((why for wrong, why in checks if wrong), "")


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Return a file; one that is longer than it says has another checksum, and one that is shorter, too."""
    with archive.open(info) as file:
        data = file.read(MAX_MEMBER + 1)
    if len(data) != info.file_size:
        raise zipfile.BadZipFile(f"forged size of {info.orig_filename!r}")
    return data
