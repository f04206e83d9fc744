"""`make demo`: starts the simulated shop on a bad day, checks it and its calls, and ends by itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

EXIT_FAULT = 3  # what `check` ends with when it has found one: here that is the point
# Milk with a marking code, as it comes from a scanner that does not send the separator (GS) before 93.
LOST_SEPARATOR = "0104601234567893215G+mgs93dGVz"


def supportctl(*words: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
    """Run supportctl of this environment."""
    command = [sys.executable, "-m", "supportctl", *words]
    return subprocess.run(command, check=False, text=True, stdout=subprocess.PIPE if capture else None)


def main() -> int:
    """Return 0 if the faults of the lab were found."""
    with tempfile.TemporaryDirectory(prefix="supportctl-") as folder:
        os.environ["SUPPORTCTL_LAB_DIR"] = folder  # a lab that somebody has open stays as it is
        started = supportctl(
            "lab", "up", "--scenario", "bad-day", "--detach", "--format", "json", capture=True
        )
        if started.returncode:
            return started.returncode
        try:
            found = show(json.loads(started.stdout))
        finally:
            supportctl("lab", "down", capture=True)
    say("\nThe shop is closed again. Next: `supportctl --help`, `supportctl explain fiscal.shift-over-24h`.")
    return 0 if found else 1


def show(lab: dict[str, object]) -> bool:
    """Check the shop that is open; returns whether the checks found what is wrong."""
    devices, config = lab["devices"], str(lab["config"])
    assert isinstance(devices, list)
    names = [target["name"] for device in devices for target in device["targets"]]
    say("The simulated shop is open; these faults are switched on:")
    for device in devices:
        faults = [fault["name"] for fault in device["faults"] if fault["active"]]
        say(f"  {device['name']}: {', '.join(faults) or 'none'}")
    say(f"\n$ supportctl check {' '.join(names)}\n")
    checked = supportctl("--config", config, "check", *names, "--deadline", "15")
    say("\nThe same for the cashier, in Russian:\n")
    say("$ supportctl check register --lang ru --format slip\n")
    slip = supportctl("--config", config, "check", "register", "--lang=ru", "--format=slip")
    say("\nA marking code that the till refuses, scanned into a window:\n")
    say(f"$ supportctl scan-check '{LOST_SEPARATOR}'\n")
    scan = supportctl("scan-check", LOST_SEPARATOR)
    say("\nWhere did each call of the last day go? The telephony's calls against those of the CRM:\n")
    say("$ supportctl sync check --source pbx --crm acme --since 24h\n")
    calls = supportctl(
        "--config", config, "sync", "check", "--source", "pbx", "--crm", "acme", "--since", "24h"
    )
    return {checked.returncode, slip.returncode, scan.returncode, calls.returncode} == {EXIT_FAULT}


def say(text: str) -> None:
    """Print at once: what supportctl prints itself must stand in the right place."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
