"""How fast the library is linted, and how soon a run asks its first question.

Both are whole processes; what the interpreter and click need is taken off. Targets: lint below one second,
the first question below half a second.

    python benchmarks/playbook_speed.py [--rounds 5] [--copies 0] [--run NAME]

`--copies N` lints N copies of the longest shipped playbook as well, to see forty where there are fewer.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playbooks.engine.library import Library
from playbooks.engine.search import Index, entries_of
from playbooks.engine.words import stem
from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario

BARE = [sys.executable, "-c", "import click"]
TOOL = [sys.executable, "-m", "supportctl"]
LINT_S, QUESTION_S = 1.0, 0.5


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


def first_question(name: str, rounds: int) -> float:
    """Return how long a run takes to its first question, a look at a till's printer that answers included.

    The run is put aside there. What is drawn on a terminal's screen comes with rich: `rich` is imported, too.
    """
    spec = DeviceSpec("receipt-printer", "escpos", ("tcp",), faults=("paper-out",))
    with tempfile.TemporaryDirectory() as folder, Lab.from_scenario(Scenario("one", (spec,))) as lab:
        home = Path(folder)
        (home / "answers.yaml").write_text("- pause\n", encoding="utf-8")
        target = f"{{name: till, url: '{lab.url('receipt-printer')}'}}"
        config = home / "supportctl.yaml"
        config.write_text(f"targets: [{target}]\nplaybooks: {{runs: {home}}}\n", encoding="utf-8")
        words = ["--config", str(config), "playbook", "run", name, "--answers", str(home / "answers.yaml")]
        code = "import rich.live, rich.panel, rich.table, sys; from supportctl.cli.main import main; main()"
        return seconds([sys.executable, "-c", code, *words], rounds)


def searched(rounds: int) -> float:
    """Return the median time of an index over the library, and of one question to it."""
    library = Library()
    entries = tuple(entries_of([library.load(name).playbook for name in library.names()]))
    taken = []
    for _ in range(rounds):
        stem.cache_clear()
        started = time.perf_counter()
        index = Index(entries, "ru")
        index.search("не печатает чек")
        index.close()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def main() -> int:
    """Print what was measured beside its limit; return 1 if one is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--copies", type=int, default=0)
    parser.add_argument("--run", default="printer-paper", help="the playbook whose first question is timed")
    given = parser.parse_args()
    bare = seconds(BARE, given.rounds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copies(folder, given.copies)
        words = ["playbook", "lint", *([str(folder)] if given.copies else [])]
        lint = seconds([*TOOL, *words], given.rounds) - bare
    question = first_question(given.run, given.rounds) - bare
    search = searched(given.rounds)
    count = given.copies or len(Library().names())
    print(f"lint of {count} playbooks above {bare:.2f} s of `import click`: {told(lint, LINT_S)}")
    print(
        f"`playbook run {given.run}` to its first question, the printer asked: {told(question, QUESTION_S)}"
    )
    print(f"search by a customer's words, the index made again each time: {search:.2f} s, no limit")
    return 0 if lint < LINT_S and question < QUESTION_S else 1


def told(took: float, limit: float) -> str:
    """Return a time beside its limit."""
    return f"{took:.2f} s, {took / limit:.2f} of the limit of {limit:g} s"


if __name__ == "__main__":
    sys.exit(main())
