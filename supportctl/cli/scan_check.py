"""supportctl scan-check."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from supportctl.cli.options import Seconds, common_options, settings
from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from supportctl.app.scan_check import ScanCheck
    from supportctl.catalog import Catalog


@click.command("scan-check")
@click.argument("text", required=False)
@click.option("--batch", metavar="FILE", help="Diagnose many scans, one a line (- is standard input).")
@click.option("--from", "source", metavar="TARGET",
              help="Wait for a scan of this serial scanner: scanner+serial:///dev/ttyACM0.")  # fmt: skip
@click.option("--deadline", type=Seconds(0.5, 3600), default=30.0, metavar="SECONDS",
              help="With --from: wait no longer for a scan (default: 30).")  # fmt: skip
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", help="Form of the answer."
)
@common_options
@click.pass_context
def scan_check(
    context: click.Context,
    text: str | None,
    batch: str | None,
    source: str | None,
    deadline: float,
    format_: str,
) -> int:
    """Diagnose one barcode scan: what is wrong with the scanner's settings, and the code as it should be.

    TEXT is what the scanner gave. Without it, or with -, one scan is read from standard input: call the
    command and scan into the window.
    """
    from supportctl.report import exit_code

    chosen = settings(context)
    if sum(given is not None for given in (text, batch, source)) > 1:
        raise UsageError("scan.one-source")
    if source is not None:
        checked = _from_scanner(source, deadline, chosen.config, chosen.catalog)
    elif batch is not None:
        checked = _from_file(batch, chosen.lang)
    else:
        checked = _from_text(text, chosen.catalog)
    if format_ == "json":
        click.echo(_json(checked, batch=batch is not None))
    else:
        from supportctl.cli.output import terminal_colour, terminal_width
        from supportctl.cli.scan_text import batch_lines, scan_lines

        told = batch_lines if batch is not None else scan_lines
        lines = told(checked, chosen.catalog, width=terminal_width(), color=terminal_colour())
        click.echo("\n".join(lines))
    return exit_code(checked.report)


def _from_scanner(word: str, deadline: float, config: Path | None, catalog: Catalog) -> ScanCheck:
    from supportctl.app.scan_check import check_scanner, scanner_target

    target = scanner_target(word, config)
    if sys.stderr.isatty():
        click.echo(catalog.phrase("scan.waiting", seconds=f"{deadline:g}"), err=True)
    return check_scanner(target, catalog.lang, deadline_s=deadline)


def _from_file(name: str, lang: str) -> ScanCheck:
    from supportctl.app.scan_check import MAX_FILE, check_lines, decoded, read_batch

    data = sys.stdin.buffer.read(MAX_FILE + 1) if name == "-" else read_batch(Path(name))
    return check_lines(decoded(data), lang)


def _from_text(text: str | None, catalog: Catalog) -> ScanCheck:
    from supportctl.app.scan_check import MAX_FILE, check_text, decoded

    if text not in {None, "-"}:
        assert text is not None
        return check_text(text, catalog.lang)
    stdin = sys.stdin.buffer
    if sys.stdin.isatty():
        click.echo(catalog.phrase("scan.prompt"), err=True)
        data = stdin.readline(MAX_FILE + 1)
    else:
        data = stdin.read(MAX_FILE + 1)
    return check_text(decoded(data), catalog.lang, source="stdin")


def _json(checked: ScanCheck, *, batch: bool) -> str:
    from supportctl.app.scan_check import document

    return _escaped(json.dumps(document(checked, batch=batch), ensure_ascii=False, indent=2))


def _escaped(text: str) -> str:
    """Return a JSON document in which nothing acts on a terminal: the invisible is escaped."""

    def shown(character: str) -> str:
        return character if character.isprintable() or character == "\n" else json.dumps(character)[1:-1]

    return "".join(map(shown, text))
