"""Updates that wait for a restart."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from probes.host.verdict import Verdict
from supportctl.core.finding import Status
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.context import ProbeContext
    from supportctl.core.finding import Finding

_REQUIRED = Path("/run/reboot-required")
_PACKAGES = Path("/run/reboot-required.pkgs")
_SHOWN_PACKAGES = 5
_DAY_S = 86_400

# Keys below HKEY_LOCAL_MACHINE that exist only while a restart is pending. UNVERIFIED on a till.
# PendingFileRenameOperations is left out: printer drivers and antivirus programs leave it behind.
WINDOWS_KEYS = (
    r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending",
    r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired",
)


class RestartFacts(NamedTuple):
    """Who asks for a restart (a file, registry keys), for which packages, and how long the computer runs."""

    asked_by: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    uptime_s: float = 0.0


class RebootProbe:
    """Whether this computer waits for a restart."""

    codes = frozenset({"host.reboot", "host.reboot-pending"})

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield a warning when a restart is pending."""
        started = context.clock.monotonic()
        facts = read_facts(context.clock.now().timestamp())
        if facts is not None:
            yield check_restart(facts).told(context, started)


def read_facts(now: float) -> RestartFacts | None:
    """Return the facts; None on a computer that does not tell (no Debian, no Windows). `now`: Unix time."""
    import psutil

    uptime = max(0.0, now - psutil.boot_time())
    keys = _windows_keys()
    if keys is not None:
        return RestartFacts(keys, (), uptime)
    if _REQUIRED.exists():
        return RestartFacts((str(_REQUIRED),), packages(_read(_PACKAGES)), uptime)
    return RestartFacts((), (), uptime) if Path("/etc/debian_version").exists() else None


def packages(text: str) -> tuple[str, ...]:
    """Return the package names in `reboot-required.pkgs`, each once, in order."""
    return tuple(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def check_restart(facts: RestartFacts) -> Verdict:
    """Return a warning when a restart is pending, else that none is."""
    days = int(facts.uptime_s // _DAY_S)
    if not facts.asked_by:
        return Verdict(Status.OK, "host.reboot", "pending restart", "none", "", {"days": days})
    names = [clean(name, 60) for name in facts.packages[:_SHOWN_PACKAGES]]
    got = "; ".join([*facts.asked_by, *([", ".join(names)] if names else [])])
    return Verdict(
        Status.WARNING, "host.reboot-pending", "pending restart", got, "host.restart-asked", {"days": days}
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _windows_keys() -> tuple[str, ...] | None:
    if sys.platform == "win32":
        import winreg

        found: list[str] = []
        for key in WINDOWS_KEYS:
            try:
                winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key).Close()
            except OSError:
                continue
            found.append(f"HKLM\\{key}")
        return tuple(found)
    else:  # noqa: RET505  mypy reads the branches of a platform so
        return None
