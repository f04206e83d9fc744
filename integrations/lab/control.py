"""The control page and interface of a portal: switch its faults, look at what it has stored.

GET  /_lab/         the page
GET  /_lab/state    what is stored, as JSON
POST /_lab/fault    {"fault": "blocked", "on": true, "operations": "*", "times": null}
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from integrations.lab.portal import Said, document

if TYPE_CHECKING:
    from integrations.lab.portal import Asked, Portal

CONTROL = "/_lab"


def answer_control(portal: Portal, asked: Asked) -> Said:
    """Return the answer to a request below `/_lab`."""
    if asked.path == f"{CONTROL}/state":
        return document(portal.state())
    if asked.path == f"{CONTROL}/fault" and asked.method == "POST":
        return _switch(portal, asked)
    return Said(200, _page(portal).encode(), "text/html; charset=utf-8")


def _switch(portal: Portal, asked: Asked) -> Said:
    wanted = asked.json() or dict(asked.form)
    if not isinstance(wanted, dict):
        return document({"error": "expected an object"}, 400)
    try:
        portal.switch(
            str(wanted.get("fault")),
            on=wanted.get("on") in {True, "1", "true", "on"},
            operations=str(wanted.get("operations") or "*"),
            times=int(wanted["times"]) if wanted.get("times") else None,
        )
    except (KeyError, ValueError):
        return document({"error": "unknown fault", "known": sorted(portal.faults)}, 404)
    return document({"active": portal.active})


def _page(portal: Portal) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(name)}<td>{html.escape(what)}<td><form method=post action={CONTROL}/fault>"
        f"<input type=hidden name=fault value={html.escape(name)}>"
        f"<button name=on value={int(name not in portal.active)}>"
        f"{'switch off' if name in portal.active else 'switch on'}</button></form>"
        for name, what in portal.faults.items()
    )
    return (
        f"<!doctype html><title>{html.escape(portal.name)}</title><h1>{html.escape(portal.name)}</h1>"
        f"<p>{html.escape(portal.kind)}: {len(portal.operations)} requests. "
        f"<a href={CONTROL}/state>State</a><table>{rows}</table>"
    )
