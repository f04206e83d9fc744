"""Every dialogue of `tests/dialogues`: what was asked and answered, and what the probe makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes.devices.escpos_printer import EscposPrinterProbe
from probes.devices.star_printer import StarPrinterProbe
from probes.links.fakes import ScriptedLink, load_dialogue

FOLDER = Path(__file__).parents[3] / "dialogues"
PROBES = {"escpos": EscposPrinterProbe, "star": StarPrinterProbe}
FILES = sorted(path for kind in PROBES for path in FOLDER.glob(f"{kind}_*.txt"))


def expected(path: Path) -> dict[str, str]:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    rows = first.removeprefix("# finds: ").split()
    return {} if rows == ["nothing"] else dict(row.split("=") for row in rows)


def test_there_are_dialogues():
    assert len(FILES) >= 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_dialogue(path, bench):
    links = []

    def link(target, clock):
        links.append(ScriptedLink(target, clock, load_dialogue(path)))
        return links[0]

    told = bench.run(PROBES[path.stem.partition("_")[0]](), link=link)
    assert told.problems == expected(path)
    assert links[0].finished
    assert links[0].closed
    assert told.seconds < 5
