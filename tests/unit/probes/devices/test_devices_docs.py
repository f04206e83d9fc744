"""docs/devices.md names every protocol that is asked, and what every codec may read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from probes.protocols import atol_answers, cgi_register, datecs, shtrih, tremol
from probes.registry import BUILT_IN

DOCS = Path(__file__).parents[4] / "docs"
PAGE = (DOCS / "devices.md").read_text(encoding="utf-8")
WITHOUT_A_DEVICE = {"http", "https", "tls", "dns", "ntp", "tcp", "serial", "rfc2217", "usb"}
SECTIONS = dict(re.findall(r"(?ms)^##+ (\w+)\. .*?\n(.*?)(?=^## |^### |\Z)", PAGE))


def test_every_protocol_that_is_asked_is_in_the_page() -> None:
    asked = frozenset[str]().union(*(entry.protocols for entry in BUILT_IN)) - WITHOUT_A_DEVICE
    linked = "".join((DOCS / name).read_text(encoding="utf-8") for name in ("scales.md", "till-services.md"))
    assert {name for name in asked if f"`{name}" not in PAGE + linked} == set()


def test_every_page_that_is_linked_is_there() -> None:
    links = re.findall(r"\]\(([\w/.-]+)\)", PAGE)
    assert [link for link in links if not (DOCS / link).exists() and link != "performance.md"] == []


@pytest.mark.parametrize(
    ("section", "names"),
    [
        ("3", [command.name.rstrip("h") for command in shtrih.READ_COMMANDS]),
        ("4b", [request.name for request in atol_answers.READ_REQUESTS if not request.name.startswith("91")]),
        ("9", [request.name.partition("h")[0] for request in datecs.READ_REQUESTS]),
        ("9", [request.name.partition("h")[0] for request in tremol.READ_REQUESTS]),
        ("9", [page.removeprefix("/cgi/") for page in cgi_register.READ_PAGES]),
    ],
)
def test_what_may_be_read_is_in_the_page(section: str, names: list[str]) -> None:
    text = ranges_spelt_out(SECTIONS[section])
    assert [name for name in names if name not in text] == []


def ranges_spelt_out(text: str) -> str:
    """Return `text` with FF01–FF04 and A4 30`–`33 as all that lies between."""

    def spelt(found: re.Match[str]) -> str:
        head, low, high = found["head"], int(found["low"], 16), int(found["high"], 16)
        return " ".join(f"{head}{number:02X}" for number in range(low, high + 1))

    pattern = r"(?P<head>FF|A4 )(?P<low>[0-9A-F]{2})`–`(?:FF)?(?P<high>[0-9A-F]{2})"
    return re.sub(pattern, spelt, text)
