"""HTML that is escaped by construction: text becomes markup only through `element`, which escapes it."""

from __future__ import annotations

from html import escape

VOID = frozenset({"br", "input", "link", "meta"})


class Html(str):
    """A piece of markup. Everything that is not one is text, and gets escaped."""

    __slots__ = ()


def element(tag: str, *content: str | None, **attributes: str | None) -> Html:
    """Return an element; None and empty content are left out, attributes of None as well.

    `class_` and `for_` name the attributes that are keywords in Python; `_` in other names becomes `-`.
    """
    pairs = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in VOID:
        return Html(f"<{tag}{pairs}>")
    return Html(f"<{tag}{pairs}>{joined(*content)}</{tag}>")


def joined(*content: str | None) -> Html:
    """Return the pieces one after another, texts among them escaped."""
    return Html("".join(piece if isinstance(piece, Html) else escape(piece or "") for piece in content))
