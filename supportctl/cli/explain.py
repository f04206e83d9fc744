"""supportctl explain, supportctl codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from supportctl.cli.options import common_options, settings

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from supportctl.catalog import Catalog
    from supportctl.catalog.explanation import Explanation, Question, Step

_INDENT = "  "
_WIDTH = 100
_format_option = click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", help="Form of the answer."
)


def _complete(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from supportctl.catalog import Catalog

    catalog = Catalog("en")
    names = dict.fromkeys((*catalog.codes(), *catalog.questions()))
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@click.command()
@click.argument("code", shell_complete=_complete)
@_format_option
@common_options
@click.pass_context
def explain(context: click.Context, code: str, format_: str) -> None:
    """Explain a finding CODE: what it means, how it is detected, what to do and who does it.

    CODE is one that a report shows, such as printer.paper-out; a question (printer.paper) is explained, too.
    """
    from supportctl.catalog.explanation import Explanation
    from supportctl.catalog.explanation import explain as find

    catalog = settings(context).catalog
    found = find(code.strip().lower(), catalog)
    if format_ == "json":
        click.echo(json.dumps(_document(found), ensure_ascii=False, indent=2))
    elif isinstance(found, Explanation):
        click.echo("\n".join(_problem(found, catalog)))
    else:
        click.echo("\n".join(_question(found, catalog)))


@click.command()
@_format_option
@common_options
@click.pass_context
def codes(context: click.Context, format_: str) -> None:
    """List all finding codes, one a line. With --format json: their titles and statuses, too."""
    from supportctl.catalog.explanation import explain_problem

    catalog = settings(context).catalog
    if format_ == "text":
        click.echo("\n".join(catalog.codes()))
        return
    rows = [explain_problem(code, catalog) for code in catalog.codes()]
    listed = [
        {"code": row.code, "title": row.title, "statuses": row.statuses, "stops_sales": row.stops_sales}
        for row in rows
    ]
    click.echo(json.dumps({"schema": "supportctl.codes/1", "codes": listed}, ensure_ascii=False, indent=2))


def _document(found: Explanation | Question) -> dict[str, object]:
    from supportctl.catalog.explanation import SCHEMA, Explanation

    document: dict[str, object] = {"schema": SCHEMA, **found._asdict()}
    if isinstance(found, Explanation):
        document["remedies"] = [step._asdict() for step in found.remedies]
    else:
        document["problems"] = [{"code": code, "title": title} for code, title in found.problems]
    return document


def _problem(found: Explanation, catalog: Catalog) -> list[str]:
    def said(key: str, **args: object) -> str:
        return catalog.phrase(f"explain.{key}", **args)

    statuses = ", ".join(catalog.phrase(f"report.status-{status}") for status in found.statuses)
    lines = [f"{found.code}: {found.title}", f"{statuses}. {said(_selling(found))}".rstrip()]
    told = [found.summary[:1].upper() + found.summary[1:], f"{said('know')} {found.know}", found.safe]
    lines += _section(said("told"), *told)
    lines += _section(said("meaning"), found.meaning)
    lines += _section(said("detected"), found.detected)
    if found.remedies:
        lines += ["", said("to-do")]
        for number, step in enumerate(found.remedies, 1):
            lines += _step(number, step, catalog)
    if not found.ours:
        lines += ["", said("not-ours")]
    if found.hand_over_to:
        lines += ["", said("hand-over", who=catalog.phrase(f"report.who-{found.hand_over_to}"))]
    return lines


def _selling(found: Explanation) -> str:
    """Return the key of the sentence that says whether the shop may go on selling."""
    status = found.statuses[0]
    if found.stops_sales:
        return "sales-stop" if status == "fault" else "sales-may-stop"
    return {"unknown": "sales-unknown", "skipped": "sales-see-cause"}.get(status, "sales-go-on")


def _step(number: int, step: Step, catalog: Catalog) -> list[str]:
    from supportctl.report.layout import wrap

    key = "explain.step-verify" if step.verify else "explain.step"
    who, risk = catalog.phrase(f"report.who-{step.who}"), catalog.phrase(f"report.risk-{step.risk}")
    meta = catalog.phrase(key, who=who, minutes=step.minutes, risk=risk, verify=step.verify or "")
    first = f"{_INDENT}{number}. "
    return [*wrap(step.text, _WIDTH, first), *wrap(meta, _WIDTH, " " * len(first))]


def _question(found: Question, catalog: Catalog) -> list[str]:
    lines = [f"{found.code}: {found.title}", "", catalog.phrase("explain.question")]
    if found.problems:
        lines += ["", catalog.phrase("explain.question-problems")]
        lines += [f"{_INDENT}{code}: {title}" for code, title in found.problems]
    return lines


def _section(heading: str, *paragraphs: str) -> list[str]:
    from supportctl.report.layout import wrap

    lines = ["", heading]
    for paragraph in paragraphs:
        if paragraph:
            lines += wrap(paragraph, _WIDTH, _INDENT)
    return lines
