"""Programs that look into TLS connections and show a certificate of their own, told by its issuer."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from supportctl.core.data import beside

if TYPE_CHECKING:
    from collections.abc import Iterable


class Interceptor(NamedTuple):
    """A product; `kind` is antivirus, firewall, proxy, filter or debugger."""

    product: str
    kind: str
    pattern: re.Pattern[str]


@cache
def known() -> tuple[Interceptor, ...]:
    """Return the products of the table."""
    table = tomllib.loads(beside(__name__, "data/interceptors.toml").decode("utf-8"))
    rows: list[dict[str, Any]] = table["interceptor"]
    return tuple(Interceptor(r["product"], r["kind"], re.compile(r["issuer"], re.IGNORECASE)) for r in rows)


def find(issuer_words: Iterable[str]) -> Interceptor | None:
    """Return the product whose issuer this is, None for any other."""
    words = tuple(issuer_words)
    return next((row for row in known() if any(row.pattern.search(word) for word in words)), None)
