"""Writes what is generated in the documentation.

That is docs/findings.md, the report in README.md, and of playbooks their schema and the tables in
docs/writing-playbooks.md.

`--check` writes nothing and ends with 1 if something is not current. The report is a real one: the probes ask
the lab's simulated printers, over links without a wire and on a clock that stands still between answers, so
that the page does not change from run to run.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from playbooks.engine.conditions import FUNCTIONS
from playbooks.engine.lint.rules import RULES, UNUSABLE
from playbooks.engine.schema import document
from probes.context import ProbeContext
from probes.lab.devices.escpos import EscposPrinter
from probes.links.fakes import DeviceLink
from probes.registry import BUILT_IN
from supportctl import __version__
from supportctl.catalog import Catalog
from supportctl.catalog.compose import compose
from supportctl.catalog.docs import findings_page
from supportctl.core.clock import FakeClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target
from supportctl.report import render

ROOT = Path(__file__).parent.parent
README, FINDINGS = ROOT / "README.md", ROOT / "docs/findings.md"
BEGIN, END = "<!-- report: written by `make docs` -->", "<!-- end of the report -->"
SCHEMA, PLAYBOOKS = ROOT / "docs/schema/playbook.json", ROOT / "docs/writing-playbooks.md"
WIDTH = 100
SHOP = (
    ("receipt-printer", "escpos+tcp://192.168.1.50:9100", ("paper-out",)),
    ("kitchen-printer", "escpos+tcp://192.168.1.51:9100", ("paper-near-end",)),
)


def report(lang: str, form: str) -> str:
    """Return the report of the simulated shop."""
    clock = FakeClock(datetime(2026, 11, 22, 6, 2, tzinfo=UTC).astimezone(timezone(timedelta(hours=3))))
    started_at, started, findings = clock.now(), clock.monotonic(), []
    for name, url, faults in SHOP:
        device = EscposPrinter()
        for fault in faults:
            device.switch(fault, on=True, now=clock.monotonic())
        target = parse_target(url, name)
        context = ProbeContext(
            target,
            Deadline.after(30, clock),
            clock,
            lambda target, _deadline, device=device: DeviceLink(target, clock, device, answers_after=0.012),
        )
        for entry in BUILT_IN:
            if entry.asks(target):
                findings += entry.load().run(context)
    catalog = Catalog(lang)
    composed = compose(
        findings,
        catalog,
        tool_version=__version__,
        started_at=started_at,
        duration_s=clock.monotonic() - started,
        site="shop-12",
        site_name="Shop on Lenin street",
    )
    return render(composed, form, catalog=catalog, width=WIDTH)


def readme() -> str:
    """Return README.md with the report as it is now."""
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    shown = f"```console\n$ supportctl check\n{report('en', 'text').rstrip()}\n```"
    cashier = f"```console\n$ supportctl check --lang ru --format slip\n{report('ru', 'slip').rstrip()}\n```"
    between = "What an engineer reads, and what a cashier reads of the same:"
    return f"{before}{BEGIN}\n\n{between}\n\n{shown}\n\n{cashier}\n\n{END}{after}"


def schema() -> str:
    """Return the JSON Schema of playbooks as `playbook schema` prints it."""
    return json.dumps(document(), ensure_ascii=False, indent=2) + "\n"


def playbooks() -> str:
    """Return docs/writing-playbooks.md with the functions of conditions and the rules as they are now."""
    english, russian = Catalog("en"), Catalog("ru")
    functions = ["| function | answer |", "|---|---|"]
    functions += [f"| `{signature}` | {rest} |" for signature, rest in map(_function, FUNCTIONS.values())]
    rules = ["| rule | | what it asks for | |", "|---|---|---|---|"]
    for rule_id, severity, fixable in (
        (UNUSABLE, "error", False),
        *((rule.id, rule.severity, rule.fixable) for rule in RULES),
    ):
        key = f"lint.{rule_id.lower()}-title"
        kind = f"{severity}, `--fix`" if fixable else severity
        rules.append(f"| {rule_id} | {kind} | {english.phrase(key)} | {russian.phrase(key)} |")
    text = PLAYBOOKS.read_text(encoding="utf-8")
    for name, lines in (("functions", functions), ("rules", rules)):
        begin, end = f"<!-- {name}: written by `make docs` -->\n", f"<!-- end of the {name} -->"
        before, _, rest = text.partition(begin)
        inner = "\n".join(lines)
        text = f"{before}{begin}\n{inner}\n\n{end}{rest.partition(end)[2]}"
    return text


def _function(told: str) -> tuple[str, str]:
    signature, _, rest = told.partition(": ")
    return signature, rest


def main() -> int:
    """Write the pages, or compare them."""
    stale = []
    pages = ((FINDINGS, findings_page()), (README, readme()), (SCHEMA, schema()), (PLAYBOOKS, playbooks()))
    for path, text in pages:
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(str(path.relative_to(ROOT)))
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8", newline="\n")
    if stale:
        print("not current, run `make docs`:" if "--check" in sys.argv else "written:", *stale)
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
