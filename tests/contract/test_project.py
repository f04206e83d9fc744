"""The project's own promises: pages that are current, dependencies that are explained, pinned and apart."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OWN_PACKAGES = {"probes", "resend", "playbooks", "integrations"}
PAGES = [path for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")) if path.is_file()]


def name_of(requirement):
    """Return the normalised name in a requirement."""
    return re.sub(r"[-_.]+", "-", re.match(r"[A-Za-z0-9._-]+", requirement)[0]).lower()


def requirements():
    extras = PROJECT["optional-dependencies"].values()
    return {name_of(text) for group in (PROJECT["dependencies"], *extras) for text in group}


def test_generated_pages_are_current():
    command = [sys.executable, "tools/docs.py", "--check"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_dependency_has_its_reason():
    page = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8").lower()
    assert not {name for name in requirements() if not re.search(rf"(?<![\w-]){name}(?![\w-])", page)}


@pytest.mark.parametrize("file", ["constraints.txt", "constraints-peers.txt", "constraints-dist.txt"])
def test_pins_are_exact_have_hashes_and_no_addresses(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    assert "://" not in text
    entries = re.sub(r"(?m)^#.*\n", "", text).replace("\\\n", " ").splitlines()
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+==[^\s;]+", entry), entry
        assert "--hash=sha256:" in entry
        assert not re.search(r"(?<!\S)-(-index|-extra|-find|i|f)", entry)


def pins(file):
    found = (re.match(r"([a-z0-9._-]+)==([^\s;]+)", line) for line in (ROOT / file).read_text().splitlines())
    return {each[1]: each[2] for each in found if each}


def test_every_requirement_is_pinned():
    assert requirements() <= pins("constraints.txt").keys()


def test_what_is_frozen_is_what_was_tested():
    tested, frozen = pins("constraints.txt"), pins("constraints-dist.txt")
    assert {name_of(text) for text in PROJECT["dependencies"]} <= frozen.keys()
    assert {name: frozen[name] for name in frozen.keys() & tested} == {
        name: tested[name] for name in frozen.keys() & tested
    }


def test_no_dependency_has_a_package_of_our_names():
    """They exist as libraries elsewhere; one in our environment would shadow a room of the house."""
    owners = packages_distributions()
    assert not {name: owners[name] for name in OWN_PACKAGES if set(owners.get(name, ())) - {"supportctl"}}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text)]
    assert not [link for link in links if link and "://" not in link and not (page.parent / link).exists()]


def test_the_first_screen_of_the_readme_shows_both_commands_and_a_report():
    first = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:45])
    for expected in ("make demo", "make test", "printer.paper-out", "supportctl check"):
        assert expected in first


def test_the_makefile_lists_its_targets():
    command = ["make", "--no-print-directory", "help"]
    help_text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    shown = set(re.findall(r"make ([a-z]+)", help_text.stdout))
    targets = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))
    assert shown == targets
