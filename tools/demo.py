"""`make demo`: starts the simulated shop on a bad day, checks it, prints the report, and ends by itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

EXIT_FAULT = 3  # what `check` ends with when it has found one: here that is the point


def supportctl(*words: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
    """Run supportctl of this environment."""
    command = [sys.executable, "-m", "supportctl", *words]
    return subprocess.run(command, check=False, text=True, stdout=subprocess.PIPE if capture else None)


def main() -> int:
    """Return 0 if the check has found the faults of the lab."""
    with tempfile.TemporaryDirectory(prefix="supportctl-") as folder:
        os.environ["SUPPORTCTL_LAB_DIR"] = folder  # a lab that somebody has open stays as it is
        started = supportctl(
            "lab", "up", "--scenario", "bad-day", "--detach", "--format", "json", capture=True
        )
        if started.returncode:
            return started.returncode
        try:
            lab = json.loads(started.stdout)
            names = [target["name"] for device in lab["devices"] for target in device["targets"]]
            say("The simulated shop is open; these faults are switched on:")
            for device in lab["devices"]:
                faults = [fault["name"] for fault in device["faults"] if fault["active"]]
                say(f"  {device['name']}: {', '.join(faults) or 'none'}")
            say(f"\n$ supportctl check {' '.join(names)}\n")
            checked = supportctl("--config", lab["config"], "check", *names, "--deadline", "15")
            say("\nThe same for the cashier, in Russian:\n")
            say("$ supportctl check receipt-printer --lang ru --format slip\n")
            supportctl("--config", lab["config"], "check", "receipt-printer", "--lang=ru", "--format=slip")
        finally:
            supportctl("lab", "down", capture=True)
    say("\nThe shop is closed again. Next: `supportctl --help`, `supportctl explain printer.paper-out`.")
    return 0 if checked.returncode == EXIT_FAULT else 1


def say(text: str) -> None:
    """Print at once: what supportctl prints itself must stand in the right place."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
