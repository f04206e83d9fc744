"""Requests of a session in the customer's words, and the code as it is spelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from supportctl.catalog import Catalog

_MOST_NAMES = 3
_TOLD = {
    "about", "ports", "bundle", "check", "identify", "playbook.look", "playbook.run", "playbook.guide",
    "playbook.answer", "bridge.open",
}  # fmt: skip
_SILENT = {
    "ping",
    "bundle.read",  # the pieces of what was said to go
    "session.begin",
    "audit.head",
    "bridge.send",
    "playbook.news",
}  # the two programs among themselves


def about_request(
    catalog: Catalog,
    names: Callable[[str], str],
    who: str,
    request: tuple[str, Mapping[str, Any], str],
) -> str:
    """Return a request as a sentence; "" for a moment that needs none. `request`: method, params, outcome."""
    method, params, outcome = request
    if outcome == "done" or (method in _SILENT and outcome == "begun"):
        return ""
    what = _what(catalog, names, method, params)
    if outcome == "begun":
        return catalog.phrase("share.does", name=who, what=what)
    if outcome == "denied":
        return catalog.phrase("share.denied", name=who, what=what)
    if outcome == "remote.unknown-method":
        return catalog.phrase("share.unknown", name=who, what=clean(method, 40))
    return catalog.phrase("share.failed", what=what)


def asked_of(params: Mapping[str, Any]) -> list[str]:
    """Return the targets of a request."""
    targets = [params["target"]] if "target" in params else list(params.get("targets", ()))
    return [str(target) for target in (*targets, *params.get("roles", {}).values())]


def _what(catalog: Catalog, names: Callable[[str], str], method: str, params: Mapping[str, Any]) -> str:
    targets = asked_of(params)
    shown = [clean(names(target), 80) for target in targets[:_MOST_NAMES]]
    if len(targets) > _MOST_NAMES:
        shown.append("…")
    some = ", ".join(shown) or catalog.phrase("share.this-computer")
    if method not in _TOLD:
        return catalog.phrase("share.does-other", method=clean(method, 40))
    key = method.replace(".", "-")
    return catalog.phrase(f"share.does-{key}", targets=some, playbook=clean(params.get("name", "-"), 60))


def spelled(catalog: Catalog, code: str) -> list[str]:
    """Return how the code is read out, one line a group: each letter with a word that begins with it."""
    words = dict(part.split("=", 1) for part in catalog.phrase("share.alphabet").split())
    return [
        f"{group}   {', '.join(words.get(letter, letter) for letter in group)}" for group in code.split("-")
    ]
