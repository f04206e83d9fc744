"""How fast the library is linted, and how soon a run asks its first question.

Both are whole processes; what the interpreter and click need is taken off. Targets: lint below one second,
the first question below half a second.

    python benchmarks/playbook_speed.py [--rounds 5] [--copies 0]

`--copies N` lints N copies of the longest shipped playbook as well, to see forty where there are fewer.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playbooks.engine.library import Library

BARE = [sys.executable, "-c", "import click"]
TOOL = [sys.executable, "-m", "supportctl"]


def seconds(command: list[str], rounds: int) -> float:
    """Return the median of the command's time."""
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def copies(folder: Path, count: int) -> None:
    """Write copies of the longest playbook under names of their own."""
    library = Library()
    longest = max(library.names(), key=lambda name: library.path(name).stat().st_size)
    text = library.path(longest).read_text(encoding="utf-8")
    for number in range(count):
        name = f"copy-{number}"
        (folder / f"{name}.yaml").write_text(
            text.replace(f"name: {longest}", f"name: {name}", 1), encoding="utf-8"
        )


def main() -> None:
    """Print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--copies", type=int, default=0)
    parser.add_argument("--run", default="", help="a playbook whose `run --dry-run` is timed, too")
    given = parser.parse_args()
    bare = seconds(BARE, given.rounds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copies(folder, given.copies)
        words = ["playbook", "lint", *([str(folder)] if given.copies else [])]
        told = {
            "playbooks": given.copies or len(Library().names()),
            "interpreter_s": round(bare, 3),
            "lint_s": round(seconds([*TOOL, *words], given.rounds) - bare, 3),
        }
    if given.run:
        run = [*TOOL, "playbook", "run", given.run, "--dry-run"]
        told["first_question_s"] = round(seconds(run, given.rounds) - bare, 3)
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
