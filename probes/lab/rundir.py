"""Where a running lab keeps its state: one folder for one lab, private to its user.

`lab.lock` is locked by the lab as long as it lives; the system lets the lock go when the process dies,
however it dies. So whether a lab runs is known without guessing from process ids, and
two cannot start at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import warnings
from pathlib import Path
from typing import IO, Any

from supportctl.core.errors import UsageError

ENVIRONMENT = "SUPPORTCTL_LAB_DIR"
STATE, LOCK, CONFIG, LOG, PORTS = "lab.json", "lab.lock", "supportctl.yaml", "lab.log", "ports"


def default_folder() -> Path:
    """Return this user's folder: `SUPPORTCTL_LAB_DIR`, else one below the platform's runtime folder."""
    named = os.environ.get(ENVIRONMENT)
    if named:
        return Path(named)
    from platformdirs import user_runtime_path

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where there is no session; its fallback is fine
        return user_runtime_path("supportctl") / "lab"


class RunDir:
    """One lab's folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or default_folder()).absolute()
        self._lock: IO[bytes] | None = None

    @property
    def config(self) -> Path:
        """The configuration that names the lab's devices."""
        return self.folder / CONFIG

    @property
    def log(self) -> Path:
        """What a detached lab writes to standard error."""
        return self.folder / LOG

    @property
    def ports(self) -> Path:
        """The folder of the serial ports."""
        return self.folder / PORTS

    def claim(self) -> None:
        """Make the folder ours for as long as this process lives, and remove what a dead lab has left.

        Raises:
            UsageError: `lab.already-running`, or `lab.bad-folder`.
        """
        self.make()
        lock = self._try_lock()
        if lock is None:
            raise UsageError("lab.already-running", found=self.state().get("pid", "-"), folder=self.folder)
        self._lock = lock
        self.clean()
        self.ports.mkdir(mode=0o700, exist_ok=True)

    def release(self) -> None:
        """Remove what this lab has made, and let the folder go."""
        if self._lock is None:
            return
        self.clean()
        self._lock.close()
        self._lock = None

    def running(self) -> bool:
        """Return whether a lab lives in this folder."""
        if not (self.folder / LOCK).exists():
            return False
        lock = self._try_lock()
        if lock is None:
            return True
        lock.close()
        return False

    def write_state(self, state: dict[str, Any]) -> None:
        """Write the state whole; only this user can read it (it holds the token)."""
        fresh = self.folder / f".{STATE}.new"
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(state, file)
        fresh.replace(self.folder / STATE)

    def state(self) -> dict[str, Any]:
        """Return the state that a lab has written, living or dead; empty if there is none."""
        try:
            state = json.loads((self.folder / STATE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}

    def clean(self) -> None:
        """Remove a lab's files, and nothing else."""
        for name in (STATE, f".{STATE}.new", CONFIG):
            (self.folder / name).unlink(missing_ok=True)
        if self.ports.is_dir():
            for path in self.ports.iterdir():
                if path.is_symlink():
                    path.unlink()
            with contextlib.suppress(OSError):
                self.ports.rmdir()

    def make(self) -> None:
        """Make the folder if it is not there.

        Raises:
            UsageError: `lab.bad-folder`: it cannot be made, or others may write to it.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = self.folder.stat()
        except OSError as error:
            raise UsageError("lab.bad-folder", found=self.folder, reason=error.strerror) from None
        # The fallback lies in a folder that everybody can write to: somebody else may have been there first.
        if sys.platform != "win32" and (status.st_uid != os.getuid() or status.st_mode & 0o022):
            reason = f"uid {status.st_uid}, mode {status.st_mode & 0o777:o}"
            raise UsageError("lab.bad-folder", found=self.folder, reason=reason)

    def _try_lock(self) -> IO[bytes] | None:
        try:
            file = (self.folder / LOCK).open("ab")
        except OSError as error:
            raise UsageError("lab.bad-folder", found=self.folder, reason=error.strerror) from None
        try:
            _lock(file.fileno())
        except OSError:
            file.close()
            return None
        return file


def _lock(fd: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
