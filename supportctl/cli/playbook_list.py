"""supportctl playbook list."""

from __future__ import annotations

import click

from supportctl.cli.options import common_options, settings


@click.command("list")
@click.option(
    "--symptom", metavar="TEXT", help="What the customer says; the best fit first, with the reason."
)
@click.option("--tag", metavar="TAG", help="Only playbooks with this tag.")
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", help="Form of the answer."
)
@common_options
@click.pass_context
def list_(context: click.Context, symptom: str | None, tag: str | None, format_: str) -> int:
    """Show the playbooks, or find one by the customer's words, in Russian or English.

    Slips of the keyboard, the wrong layout and Russian in Latin letters are understood. No network is needed.

    Exit codes: 0 there is one, 5 nothing fits.
    """
    from supportctl.app.config_file import load_config
    from supportctl.app.playbook_library import folders, listed, shelf
    from supportctl.cli.errors import error_texts
    from supportctl.core.errors import EXIT_OK, EXIT_UNKNOWN
    from supportctl.report.playbook.listing import Unusable, document, render

    chosen = settings(context)
    books = shelf(folders(load_config(chosen.config)))
    found = list(listed(books, chosen.lang, symptom=symptom, tag=tag))
    catalog = chosen.catalog
    unusable = [
        Unusable(str(path), error.key, error_texts(catalog, error.key, error.args_by_name))
        for path, error in books.broken
    ]
    if format_ == "json":
        import json

        click.echo(json.dumps(document(found, unusable), ensure_ascii=False, indent=2))
    else:
        from supportctl.cli.output import terminal_colour, terminal_width

        color, width = terminal_colour(), terminal_width()
        click.echo(render(found, unusable, catalog, color=color, width=width), nl=False)
    return EXIT_OK if found else EXIT_UNKNOWN
