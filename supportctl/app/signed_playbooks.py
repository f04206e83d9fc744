"""Signed playbooks: which bytes go over the wire, and which of those that came may run here."""

from __future__ import annotations

import json
import os
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from playbooks.engine.library import Library
from playbooks.engine.loader import MAX_BYTES, read
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.core.text import clean
from supportctl.remote.signers import Signers, read_signers
from supportctl.remote.signing import ENDING, SignedBy, verify
from supportctl.remote.sshsig import MAX_SIGNATURE, SigningError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from playbooks.engine.model import Playbook
    from supportctl.core.site import SiteConfig

SUFFIX = ".yaml"
MAX_FILES = 50
_FILE = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\.yaml")
_MAX_SEEN = 1024 * 1024


class Packed(NamedTuple):
    """A playbook with all that it includes, ready to be sent: by file name, texts and signatures."""

    files: Mapping[str, str]
    signatures: Mapping[str, str]


class Seen(NamedTuple):
    """What is remembered of a playbook that has run here: never an older one again."""

    version: int
    sha256: str


class Received(Library):
    """A library of exactly the playbooks that came, each of which was signed."""

    def __init__(self, texts: Mapping[str, str], signed: Mapping[str, SignedBy]) -> None:
        super().__init__((), shipped=None)
        self.signed = signed  # by playbook
        for file, text in texts.items():
            name = file.removesuffix(SUFFIX)
            self._files[name] = Path(file)
            self._readings[name] = read(text, file)


def signers_of(config: SiteConfig | None) -> Signers:
    """Return who may sign, as the configuration says.

    Raises:
        UsageError: `signing.no-signers-file`, `signing.bad-signer`.
    """
    if config is None:
        return Signers()
    found = read_signers(config.signing.signers, "signing.signers")
    if config.signing.allowed_signers:
        path = Path(config.signing.allowed_signers).expanduser()
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError("signing.no-signers-file", found=path, reason=error) from None
        found += read_signers(lines, str(path))
    return Signers(found, frozenset(config.signing.revoked_keys))


def receive(
    files: Mapping[str, str], signatures: Mapping[str, str], signers: Signers, now: datetime
) -> Received:
    """Return a library of the files that came: each signed, understood, called what it says, and not expired.

    Nothing of a file is read before its signature is found good.

    Raises:
        SigningError: `signing.*`.
        UsageError: `playbook.*`: what is wrong with one of them.
    """
    if not files or len(files) > MAX_FILES:
        raise SigningError("signing.bad-files", found=len(files), limit=MAX_FILES)
    signed: dict[str, SignedBy] = {}
    for file, text in files.items():
        if not _FILE.fullmatch(file):
            raise SigningError("signing.bad-files", found=file, limit=MAX_FILES)
        if file not in signatures:
            raise SigningError("signing.missing", file=file)
        signed[file.removesuffix(SUFFIX)] = verified(
            text.encode("utf-8"), signatures[file], signers, now, file
        )
    library = Received(files, signed)
    for name in library.names():
        playbook = library.load(name).playbook
        if playbook.name != name:
            raise SigningError("signing.other-name", file=f"{name}{SUFFIX}", found=playbook.name)
        not_expired(playbook, now)
    return library


def verified(data: bytes, signature: str, signers: Signers, now: datetime, file: str) -> SignedBy:
    """Return who has signed a file. Raises: SigningError, with the file among its arguments."""
    try:
        return verify(data, signature, signers, now)
    except SigningError as error:
        raise SigningError(error.key, **{**error.args_by_name, "file": file}) from None


def not_expired(playbook: Playbook, now: datetime) -> None:
    """Return if a playbook is good today. Raises: SigningError: `signing.expired`."""
    if playbook.expires is not None and now.astimezone(UTC).date() > playbook.expires:
        raise SigningError("signing.expired", file=playbook.name, found=playbook.expires)


# --- what has run here before -----------------------------------------------------------------------------


def seen_path() -> Path:
    """Return the file of the versions that have run here."""
    import platformdirs

    return platformdirs.user_state_path("supportctl", appauthor=False) / "signed-playbooks.json"


def not_rolled_back(path: Path, versions: Iterable[tuple[str, Seen]]) -> None:
    """Return if none of these playbooks is older than one of its name that has run here.

    Raises:
        SigningError: `signing.rolled-back`; `signing.same-version`: other bytes under a number that was used.
        SupportctlError: `signing.seen-broken`: what was seen cannot be read, so nobody can tell.
    """
    known = _seen(path)
    for name, now in versions:
        before = known.get(name)
        if before is None:
            continue
        if now.version < before.version:
            raise SigningError("signing.rolled-back", file=name, found=now.version, seen=before.version)
        if now.version == before.version and now.sha256 != before.sha256:
            raise SigningError("signing.same-version", file=name, found=now.version)


def remember(path: Path, versions: Iterable[tuple[str, Seen]]) -> None:
    """Write down which versions run here now, in one step.

    Raises:
        SupportctlError: `signing.seen-broken`: it cannot be read or written; then nothing runs.
    """
    known = _seen(path) | dict(versions)
    document = {name: each._asdict() for name, each in sorted(known.items())}
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(prefix=".signed-", dir=path.parent)  # 0600
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(document, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        Path(partial).replace(path)
    except OSError as error:
        raise SupportctlError("signing.seen-broken", found=path, reason=error.strerror or error) from None


def versions_of(library: Library) -> Iterable[tuple[str, Seen]]:
    """Yield the version of each playbook of a library."""
    for name in library.names():
        loaded = library.load(name)
        yield name, Seen(loaded.playbook.version, loaded.sha256)


def _seen(path: Path) -> dict[str, Seen]:
    try:
        with path.open("rb") as file:
            document: Any = json.loads(file.read(_MAX_SEEN))
        return {str(name): Seen(int(each["version"]), str(each["sha256"])) for name, each in document.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SupportctlError("signing.seen-broken", found=path, reason=clean(error)) from None


# --- what is sent -----------------------------------------------------------------------------------------


def pack(library: Library, name: str, config: SiteConfig | None) -> Packed:
    """Return a playbook with all that it includes, and their signatures.

    Raises:
        UsageError: there is none, or it is broken; `signing.missing`.
    """
    files = texts_of(library, name)
    paths = {file: library.path(file.removesuffix(SUFFIX)) for file in files}
    return Packed(files, {file: read_signature_of(path, config) for file, path in paths.items()})


def texts_of(library: Library, name: str) -> dict[str, str]:
    """Return the exact text of a playbook and of all that it includes, by file name. Raises as `pack`."""
    return {f"{part}{SUFFIX}": bytes_of(library.path(part)).decode("utf-8") for part in library.texts(name)}


def bytes_of(path: Path) -> bytes:
    """Return the exact bytes of a playbook. Raises: UsageError: `playbook.unreadable`, `playbook.too-big`."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError("playbook.unreadable", found=path, reason=error.strerror or error) from None
    if len(data) > MAX_BYTES:
        raise UsageError("playbook.too-big", found=path, size=len(data), limit=MAX_BYTES)
    return data


def signature_places(path: Path, config: SiteConfig | None) -> list[Path]:
    """Return where the signature of a playbook may lie."""
    file = path.name + ENDING
    own = config.signing.signatures if config else None
    return [*([Path(own).expanduser() / file] if own else []), path.with_name(file)]


def read_signature_of(path: Path, config: SiteConfig | None) -> str:
    """Return the signature of a playbook.

    Raises:
        UsageError: `signing.missing`.
    """
    for place in signature_places(path, config):
        try:
            with place.open("rb") as file:
                return file.read(MAX_SIGNATURE + 1).decode("utf-8", "replace")
        except FileNotFoundError:
            continue
        except OSError as error:
            raise UsageError("signing.no-signature", found=place, reason=error.strerror or error) from None
    raise UsageError("signing.missing", file=path)
