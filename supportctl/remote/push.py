"""The agent that is brought along: our own pure-Python sources in one archive, through standard input.

The same sources give the same bytes, so the archive is named by its SHA-256; the far side starts nothing
else. On Linux it never touches a disk there: it lies in memory (`memfd_create`) and ends with the process.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from supportctl.remote.link import SessionLink

_ROOT = Path(__file__).resolve().parent.parent.parent
_REMOTE = (
    "__init__",
    "agent",
    "bounds",
    "capability",
    "digest",
    "frames",
    "link",
    "methods",
    "server",
    "work",
)
_WITHOUT = ("probes/lab/",)
_DATA = {".py", ".toml", ".ps1"}
_STAMP = (1980, 1, 1, 0, 0, 0)  # the oldest that a zip can say: a date would make each archive another one
TOO_OLD, CHANGED = (
    "supportctl: Python 3.11 is needed, this is",
    "supportctl: the agent was changed on its way",
)

# One line, without a double quote, a dollar sign, a percent sign or a backslash: a word for sh, cmd and
# PowerShell alike. -I: neither the environment nor the home folder can put a module in the way of ours.
_START = (
    "import sys,os,hashlib,tempfile;"
    "v=sys.version_info;"
    "v<(3,11) and sys.exit('{too_old} '+str(v[0])+'.'+str(v[1]));"
    "b=sys.stdin.buffer.read({size});"
    "len(b)=={size} and hashlib.sha256(b).hexdigest()=='{digest}' or sys.exit('{changed}');"
    "m=hasattr(os,'memfd_create');"
    "d='' if m else tempfile.mkdtemp(prefix='supportctl-');"
    "p='/proc/self/fd/'+str(os.memfd_create('supportctl')) if m else os.path.join(d,'agent.zip');"
    "f=open(p,'wb');f.write(b);f.close();"
    "sys.path.insert(0,p);"
    "from supportctl.remote.agent import pushed;"
    "pushed(d,'{digest}')"
)


class Archive(NamedTuple):
    """The agent's bytes and their SHA-256 in hex."""

    data: bytes
    digest: str


@cache
def archive() -> Archive:
    """Return the agent. The same sources give the same bytes, on every computer."""
    return pack(dict(sources()))


def pack(files: dict[str, bytes]) -> Archive:
    """Return an archive of named files, in the order of their names and without a date."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as packed:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _STAMP)
            entry.create_system = 3  # else Windows makes other bytes
            entry.external_attr = 0o100600 << 16
            packed.writestr(entry, data, zipfile.ZIP_DEFLATED, 6)
    data = whole.getvalue()
    return Archive(data, hashlib.sha256(data).hexdigest())


def sources() -> Iterator[tuple[str, bytes]]:
    """Yield what the agent is made of: name in the archive, bytes."""
    import serial  # noqa: TID251  its sources are packed, no port is opened

    yield "supportctl/__init__.py", _bytes(_ROOT / "supportctl/__init__.py")
    for folder in ("supportctl/core", "probes"):
        for file in (_ROOT / folder).rglob("*"):
            name = file.relative_to(_ROOT).as_posix()
            if file.suffix in _DATA and not name.startswith(_WITHOUT):
                yield name, _bytes(file)
    for module in _REMOTE:
        yield f"supportctl/remote/{module}.py", _bytes(_ROOT / f"supportctl/remote/{module}.py")
    vendor = Path(serial.__file__).parent
    for file in vendor.rglob("*.py"):
        yield f"serial/{file.relative_to(vendor).as_posix()}", _bytes(file)


def command(made: Archive, python: str = "python3") -> str:
    """Return the command that starts the agent; `send` has to follow."""
    start = _START.format(size=len(made.data), digest=made.digest, too_old=TOO_OLD, changed=CHANGED)
    assert not set(start) & set('"$%\\`!\n')
    return f'{python} -I -S -B -c "{start}"'


def send(link: SessionLink, made: Archive) -> None:
    """Send the agent through a link whose other end is `command`. Raises: LinkClosedError."""
    link.send(made.data)


def _bytes(file: Path) -> bytes:
    # a checkout on Windows may have other ends of lines
    return file.read_bytes().replace(b"\r\n", b"\n")
