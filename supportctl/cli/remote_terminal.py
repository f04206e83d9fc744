"""A new machine's key, shown in words at the terminal; the answer is never taken from anywhere else."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from supportctl.app.remote import Remote
    from supportctl.catalog import Catalog
    from supportctl.remote.hosts import AsksAboutKey, HostKey


@contextmanager
def remote_session(
    text: str, catalog: Catalog, config: Path | None = None, *, ticket: str = ""
) -> Iterator[Remote]:
    """Give an open session; says on a terminal where it goes. Raises: SupportctlError."""
    from supportctl.app.remote import open_remote

    with open_remote(text, asks_about_key(catalog), config=config, ticket=ticket) as remote:
        if sys.stderr.isatty():
            click.echo(catalog.phrase("remote.runs-on", place=remote.shown), err=True)
        yield remote


def asks_about_key(catalog: Catalog) -> AsksAboutKey | None:
    """Return what asks about a new key; None where nobody sits: then it is refused."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None

    def ask(host: str, key: HostKey) -> bool:
        from supportctl.remote.hosts import in_words

        shown = {
            "host": host,
            "kind": key.kind,
            "fingerprint": key.fingerprint,
            "words": in_words(key.sha256),
        }
        for line in ("new-key", "new-key-shown", "new-key-words", "new-key-how"):
            indent = "  " if line in {"new-key-shown", "new-key-words"} else ""
            click.echo(indent + catalog.phrase(f"remote.{line}", **shown), err=True)
        return click.confirm(catalog.phrase("remote.new-key-right"), default=False, err=True)

    return ask
