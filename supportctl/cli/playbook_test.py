"""supportctl playbook test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from supportctl.cli.options import common_options, settings

if TYPE_CHECKING:
    from supportctl.app.playbook_test import Outcome
    from supportctl.catalog import Catalog

SCHEMA = "supportctl.playbook-tests/1"


@click.command("test")
@click.argument("names", nargs=-1, metavar="[NAME|FILE]...")
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", help="Form of the answer."
)
@common_options
@click.pass_context
def test_(context: click.Context, names: tuple[str, ...], format_: str) -> int:
    """Run the tests that lie beside playbooks: scripted people, lab devices, a clock moved by hand.

    Exit codes: 0 all is as expected and every step was reached, 3 not, 2 a file is wrong or missing.
    """
    from supportctl.app.config_file import load_config
    from supportctl.app.playbook_test import run_tests

    chosen = settings(context)
    outcomes: list[Outcome] = []
    for outcome in run_tests(load_config(chosen.config), names, chosen.lang):
        outcomes.append(outcome)
        if format_ == "text":
            _tell(outcome, chosen.catalog)
    if format_ == "json":
        document = {"schema": SCHEMA, "playbooks": [_document(each, chosen.catalog) for each in outcomes]}
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        _sum_up(outcomes, chosen.catalog)
    return _exit_code(outcomes)


def _exit_code(outcomes: list[Outcome]) -> int:
    from supportctl.core.errors import EXIT_FAULT, EXIT_OK, EXIT_USAGE

    if any(outcome.error for outcome in outcomes):
        return EXIT_USAGE
    return EXIT_OK if all(each.tested is not None and each.tested.good for each in outcomes) else EXIT_FAULT


def _tell(outcome: Outcome, catalog: Catalog) -> None:
    if outcome.error is not None or outcome.tested is None:
        click.secho(f"✗ {outcome.name}", fg="red")
        click.echo(f"    {_error(outcome, catalog)}")
        return
    tested = outcome.tested
    coverage = catalog.phrase(
        "playbook.test-coverage",
        cases=len(tested.cases),
        steps=tested.all_steps - len(tested.steps),
        all_steps=tested.all_steps,
        ways=tested.all_ways - len(tested.ways),
        all_ways=tested.all_ways,
    )
    mark, colour = ("✓", "green") if tested.good else ("✗", "red")
    click.echo(f"{click.style(mark, fg=colour)} {outcome.name}  {coverage}")
    for ended in tested.cases:
        for miss in ended.misses:
            words = catalog.phrase(
                "playbook.test-miss", what=miss.what, expected=miss.expected, found=miss.found
            )
            click.echo(f"    {ended.case.name}: {words}")
    for key, unreached in (("playbook.test-steps", tested.steps), ("playbook.test-ways", tested.ways)):
        if unreached:
            click.echo("    " + catalog.phrase(key, names=", ".join(unreached)))


def _sum_up(outcomes: list[Outcome], catalog: Catalog) -> None:
    good = sum(outcome.tested is not None and outcome.tested.good for outcome in outcomes)
    cases = sum(len(outcome.tested.cases) for outcome in outcomes if outcome.tested)
    click.echo(catalog.phrase("playbook.test-sum", good=good, count=len(outcomes), cases=cases))


def _error(outcome: Outcome, catalog: Catalog) -> str:
    from supportctl.cli.errors import error_texts, in_one_line

    assert outcome.error is not None, "what was not tested has a reason"
    texts = error_texts(catalog, outcome.error.key, outcome.error.args_by_name)
    where = outcome.error.args_by_name.get("where", "")
    return f"{where + ': ' if where else ''}{in_one_line(texts)}"


def _document(outcome: Outcome, catalog: Catalog) -> dict[str, object]:
    if outcome.tested is None:
        return {"name": outcome.name, "good": False, "error": _error(outcome, catalog)}
    tested = outcome.tested
    return {
        "name": outcome.name,
        "good": tested.good,
        "seconds": round(outcome.seconds, 3),
        "steps": tested.all_steps,
        "unreached_steps": list(tested.steps),
        "arms": tested.all_ways,
        "unreached_arms": list(tested.ways),
        "cases": [
            {
                "name": ended.case.name,
                "outcome": ended.state.finish.outcome.value if ended.state.finish else None,
                "cause": ended.state.cause or None,
                "misses": [miss._asdict() for miss in ended.misses],
            }
            for ended in tested.cases
        ],
    }
