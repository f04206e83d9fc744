"""`make demo`: starts the simulated shop on a bad day, checks it and its calls, and ends by itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

EXIT_HANDED_OVER = 6
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
        os.environ["XDG_STATE_HOME"] = folder  # and so do the runs of playbooks
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
    ran = show_playbook(config)
    arrived = show_calls(lab, config)
    return ran and arrived and {checked.returncode, slip.returncode, scan.returncode} == {EXIT_FAULT}


def show_playbook(config: str) -> bool:
    """Find a playbook by a customer's words and run it; returns whether it was handed over as it should."""
    say("\nA customer calls: the receipt printer does not print. Which playbook is it?\n")
    words = ("playbook", "list", "--symptom", "принтер пищит и не печатает")
    say(f'$ supportctl --lang ru playbook list --symptom "{words[-1]}"\n')
    found = supportctl("--lang", "ru", *words, capture=True).stdout
    say("\n".join(found.splitlines()[:2]))
    answers = Path(config).with_name("answers.yaml")
    answers.write_text("- n\n- h\n", encoding="utf-8")  # "it did not help", then "hand over now"
    run = ("playbook", "run", "printer-paper", "--set", "printer=receipt-printer", "--ticket", "T-17")
    say(f"\n$ supportctl {' '.join(run)}\n")
    ended = supportctl("--config", config, *run, "--answers", str(answers)).returncode
    say("\nWhat the second line gets:\n")
    packet = supportctl("--config", config, "playbook", "report", "last", capture=True).stdout
    say("\n".join(packet.splitlines()[:14]))
    return ended == EXIT_HANDED_OVER and "printer-paper" in found


def show_calls(lab: dict[str, object], config: str) -> bool:
    """Find the lost calls and bring them; returns whether all arrived but the one that cannot."""

    def run(*words: str) -> int:
        say(f"\n$ supportctl {' '.join(words).replace(str(gaps), 'gaps.json')}\n")
        return supportctl("--config", config, *words).returncode

    gaps = Path(config).with_name("gaps.json")
    compare = ("sync", "check", "--source", "pbx", "--crm", "acme", "--since", "24h")
    say("\nWhere did each call of the last day go? The telephony's calls against those of the CRM:")
    codes = [run(*compare)]
    say("\nWhat is missing is brought to the CRM: each call once, its recording with it.")
    codes.append(run(*compare, "--format", "json", "--output", str(gaps)))
    codes.append(run("resend", "add", "--destination", "acme", str(gaps)))
    codes.append(run("resend", "run", "--until-empty"))
    say("\nOne could not be brought. Why, what was tried, and who has to act:")
    listed = supportctl(
        "--config", config, "resend", "list", "--state", "escalated", "--format=json", capture=True
    )
    refused = json.loads(listed.stdout)["deliveries"]
    codes.append(run("resend", "show", str(refused[0]["id"])))
    codes.append(run("escalation", "list"))
    say("\nThe tracker itself says:\n")
    for issue in issues(lab):
        say(f"  #{issue['number']} {issue['title']} ({'open' if issue['open'] else 'closed'})")
    say("\nThe second comparison, as JSON: of what was lost only that one call is still missing.")
    say(f"\n$ supportctl {' '.join(compare)} --format json\n")
    again = supportctl("--config", config, *compare, "--format", "json", capture=True)
    document = json.loads(again.stdout)
    left = [gap["call"]["call_id"] for gap in document["gaps"] if gap["resendable"]]
    say(f"  {document['matched']} of {document['calls']} calls found in acme; {document['counts']}")
    say(f"  still to be sent: {', '.join(left)}, which stands in the tracker")
    expected = [EXIT_FAULT, EXIT_FAULT, 0, EXIT_FAULT, 0, 0]
    return codes == expected and left == [each["call_id"] for each in refused] and len(left) == 1


def issues(lab: dict[str, object]) -> list[dict[str, object]]:
    """Return what the lab's tracker has stored."""
    portals = lab["portals"]
    assert isinstance(portals, list)
    url = next(portal["url"] for portal in portals if portal["section"] == "trackers")
    with urllib.request.urlopen(f"{url}/_lab/state", timeout=5) as answer:  # noqa: S310  the lab's own, on loopback
        found: list[dict[str, object]] = json.load(answer)["issues"]
        return found


def say(text: str) -> None:
    """Print at once: what supportctl prints itself must stand in the right place."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
