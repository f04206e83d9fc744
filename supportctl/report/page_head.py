"""The head of every page: what a browser may load for it (nothing from outside), and how it behaves."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

from supportctl.report.markup import Html, element


def page_head(title: str, style: str, *, generator: str | None = None, script: str | None = None) -> Html:
    """Return a head with its style inside; a style or a script of anybody else is not run.

    `script` is the text of the page's own, which stands in its body; `generator` names what wrote the page.
    """
    own_script = f"script-src {_digest(script)}; " if script is not None else ""
    policy = (
        f"default-src 'none'; style-src {_digest(style)}; {own_script}"
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="robots", content="noindex"),
        element("meta", name="generator", content=generator) if generator else None,
        element("link", rel="icon", href="data:,"),
        element("title", title),
        Html(f"<style>{style}</style>"),
    )


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
