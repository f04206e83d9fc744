"""Start-up: `supportctl --version`, `--help` and the check of one healthy printer, beside `import click` alone."""

from __future__ import annotations

import sys

from measure import PYTHON, SUPPORTCTL, in_turn, run, tell_ratio

from probes.lab import Lab

ROUNDS = 25
IMPORT_CLICK = [PYTHON, "-c", "import click"]


def main() -> int:
    holds = []
    for words, limit in ((["--version"], 1.5), (["--help"], 1.5)):
        ours, peer, ratio = in_turn(
            lambda words=words: run([SUPPORTCTL, *words]).seconds, lambda: run(IMPORT_CLICK).seconds, ROUNDS
        )
        holds.append(tell_ratio(f"supportctl {' '.join(words)}", ours, peer, ratio, limit, "import click"))
    with Lab.printers(1) as lab:
        command = [SUPPORTCTL, "check", lab.urls()[0], "--format", "json"]
        assert run(command).code == 0, "the printer of the lab is healthy"
        ours, peer, ratio = in_turn(lambda: run(command).seconds, lambda: run(IMPORT_CLICK).seconds, ROUNDS)
        holds.append(tell_ratio("check of one healthy printer", ours, peer, ratio, 2.5, "import click"))
    return 0 if all(holds) else 1


if __name__ == "__main__":
    sys.exit(main())
