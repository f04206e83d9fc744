"""supportctl playbook sign, verify."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from supportctl.cli.options import common_options, settings
from supportctl.core.errors import EXIT_FAULT, EXIT_OK

if TYPE_CHECKING:
    from supportctl.app.playbook_signing import Verified
    from supportctl.catalog import Catalog

SCHEMA = "supportctl.signatures/1"


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME|FILE...")
@click.option("--key", required=True, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Your SSH key; with FILE.pub the agent signs.")  # fmt: skip
@click.option("--output", type=click.Path(path_type=Path, file_okay=False, exists=True), metavar="FOLDER",
              help="Write the signatures there (default: beside the playbooks).")  # fmt: skip
@common_options
@click.pass_context
def sign(context: click.Context, names: tuple[str, ...], key: Path, output: Path | None) -> int:
    """Sign playbooks: NAME.yaml.sig says that these bytes may run over a session."""
    from supportctl.app.config_file import load_config
    from supportctl.app.playbook_signing import load_signing_key, sign_playbooks

    chosen = settings(context)

    def passphrase() -> str:
        told: str = click.prompt(chosen.catalog.phrase("signing.passphrase"), hide_input=True, err=True)
        return told

    signing = load_signing_key(key, passphrase)
    for path in sign_playbooks(names, signing, load_config(chosen.config), output):
        click.echo(chosen.catalog.phrase("signing.signed", path=path))
    return EXIT_OK


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME|FILE...")
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", help="Form of the answer."
)
@common_options
@click.pass_context
def verify(context: click.Context, names: tuple[str, ...], format_: str) -> int:
    """Say who has signed playbooks and all that they include, and whether they would run over a session.

    Exit codes: 0 all are good, 3 one is not.
    """
    from supportctl.app.config_file import load_config
    from supportctl.app.playbook_signing import verify_playbooks

    chosen = settings(context)
    found = verify_playbooks(names, load_config(chosen.config))
    bad = any(each.error for each in found)
    if format_ == "json":
        playbooks = [_document(each, chosen.catalog) for each in found]
        document = {"schema": SCHEMA, "verdict": "fault" if bad else "ok", "playbooks": playbooks}
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        for each in found:
            click.echo(_line(each, chosen.catalog))
    return EXIT_FAULT if bad else EXIT_OK


def _document(each: Verified, catalog: Catalog) -> dict[str, object]:
    problem = None
    if each.error:
        from supportctl.cli.errors import error_texts

        problem = {"code": each.error.key, **error_texts(catalog, each.error.key, each.error.args_by_name)}
    return {
        "name": each.name,
        "file": str(each.path),
        "version": each.version,
        "expires": each.expires,
        "signer": each.by.names if each.by else None,
        "key": each.by.fingerprint if each.by else None,
        "problem": problem,
    }


def _line(each: Verified, catalog: Catalog) -> str:
    if each.error is None and each.by:
        good = catalog.phrase(
            "signing.good",
            name=each.name,
            version=each.version,
            signer=each.by.names,
            key=each.by.fingerprint,
        )
        until = catalog.phrase("signing.until", day=each.expires) if each.expires else ""
        return f"{good} {until}".rstrip()
    from supportctl.cli.errors import error_texts, in_one_line

    assert each.error
    texts = error_texts(catalog, each.error.key, each.error.args_by_name)
    return catalog.phrase("signing.bad", name=each.name, why=in_one_line(texts))
