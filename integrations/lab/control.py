"""The control page and interface of a portal: switch its faults, look at what it has stored.

GET  /_lab/         the page
GET  /_lab/state    what is stored, as JSON; ?section=calls&offset=0&limit=100 takes a part of a list
GET  /_lab/faults   the faults, as JSON: what they are, and which are on
POST /_lab/fault    {"fault": "blocked", "on": true, "operations": "*", "times": null}, or the same as a form
"""

from __future__ import annotations

import html
import json
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

from integrations.lab.portal import Said, document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from integrations.lab.portal import Asked, Portal

CONTROL = "/_lab"
_ON = frozenset({"true", "1", "on", "yes"})
_ROWS, _COLUMNS, _CELL = 50, 14, 80  # of a list that the page shows
_LAST = 15  # operations
_POLICY = ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'")
_STYLE = """
:root{color-scheme:light dark;font:14px/1.45 system-ui,sans-serif}
body{margin:0 auto;max-width:80rem;padding:1rem}
h1{margin:0}h2{margin:1.6rem 0 .4rem;font-size:1.1rem}table{border-collapse:collapse}
td,th{padding:.25rem .5rem;border-bottom:1px solid #8884;text-align:left;vertical-align:top}
th{font-weight:600}td.n{text-align:right;font-variant-numeric:tabular-nums}tr.on{background:#d332}
code{font-size:.9em;white-space:nowrap}.wide{overflow-x:auto}.mute{opacity:.65}form{display:inline;white-space:nowrap}
input[type=text]{width:8rem}input[type=number]{width:4.5rem}button{cursor:pointer}
"""


def answer_control(portal: Portal, asked: Asked) -> Said:
    """Return the answer to a request below `/_lab`."""
    path = asked.path.rstrip("/")
    if path == f"{CONTROL}/fault":
        return _switch(portal, asked) if asked.method == "POST" else _no("use POST", 405)
    if asked.method not in {"GET", "HEAD"}:
        return _no("use GET", 405)
    if path == CONTROL:
        return Said(200, _page(portal).encode(), "text/html; charset=utf-8", (_POLICY,))
    if path == f"{CONTROL}/state":
        return _state(portal, asked)
    if path == f"{CONTROL}/faults":
        return document(_faults(portal))
    return _no("no such page", 404)


def _no(why: str, status: int, **more: object) -> Said:
    return document({"error": why, **more}, status)


def _switch(portal: Portal, asked: Asked) -> Said:
    kind = asked.headers.get("content-type", "")
    by_form = kind.startswith("application/x-www-form-urlencoded")
    wanted = dict(asked.form) if by_form else asked.json()
    if not isinstance(wanted, dict):
        return _no("expected an object", 400)
    fault, times = wanted.get("fault"), wanted.get("times")
    if not isinstance(fault, str) or fault not in portal.faults:
        return _no("unknown fault", 404, known=sorted(portal.faults))
    number = None if times is None or times == "" else _number(str(times), 0)
    if number == 0:
        return _no("times: expected a number above zero, or null", 400)
    portal.switch(
        fault,
        on=str(wanted.get("on", "")).strip().lower() in _ON,
        operations=str(wanted.get("operations") or "*")[:200],
        times=number,
    )
    if by_form:
        return Said(303, b"", "text/plain", (("Location", f"{CONTROL}/"),))
    return document({"active": portal.active})


def _faults(portal: Portal) -> dict[str, Any]:
    on = portal.switched
    return {
        "name": portal.name,
        "kind": portal.kind,
        "faults": [
            {
                "fault": name,
                "what": what,
                "on": name in on,
                "operations": on[name].operations if name in on else None,
                "times": on[name].times if name in on else None,
            }
            for name, what in portal.faults.items()
        ],
    }


def _state(portal: Portal, asked: Asked) -> Said:
    state: Any = portal.state()
    section = asked.param("section")
    if not section:
        return document(state)
    if section not in state:
        return _no("no such section", 404, known=sorted(state))
    found = state[section]
    if isinstance(found, list):
        first = _number(asked.param("offset"), 0)
        found = found[first : first + _number(asked.param("limit"), len(found))]
    return document({section: found})


def _number(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default


def _page(portal: Portal) -> str:
    name, kind = html.escape(portal.name), html.escape(portal.kind)
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{name}: lab</title><style>{_STYLE}</style>"
        f"<h1>{name}</h1><p>A simulated account of <b>{kind}</b>: {len(portal.operations)} requests so far, "
        f"{len(portal.active)} faults on. <a href='{CONTROL}/'>Refresh</a> · "
        f"<a href='{CONTROL}/state'>State as JSON</a> · <a href='{CONTROL}/faults'>Faults as JSON</a>"
        f"<h2>Faults</h2>{_fault_table(portal)}<h2>Requests</h2>{_operation_table(portal.operations)}"
        f"{_state_tables(portal.state())}"
    )


def _fault_table(portal: Portal) -> str:
    rows = []
    for name, what in portal.faults.items():
        fault = portal.switched.get(name)
        hidden = f"<input type=hidden name=fault value='{html.escape(name)}'>"
        if fault is None:
            form = (
                f"{hidden}<input type=text name=operations placeholder='all operations' aria-label=only>"
                " <input type=number name=times min=1 placeholder=always aria-label=times>"
                " <button name=on value=1>switch on</button>"
            )
            state = "<span class=mute>off</span>"
        else:
            form = f"{hidden}<button name=on value=0>switch off</button>"
            often = "always" if fault.times is None else f"{fault.times} more times"
            hit = "all operations" if fault.operations == "*" else html.escape(fault.operations)
            state = f"<b>on</b>: {hit}, {often}"
        rows.append(
            f"<tr{' class=on' if fault else ''}><td><code>{html.escape(name)}</code><td>{html.escape(what)}"
            f"<td>{state}<td><form method=post action='{CONTROL}/fault'>{form}</form>"
        )
    return f"<table><tr><th>Fault<th>What it is<th>Now<th></tr>{''.join(rows)}</table>"


def _operation_table(operations: list[str]) -> str:
    if not operations:
        return "<p class=mute>None yet.</p>"
    rows = "".join(
        f"<tr><td><code>{_cell(name)}</code><td class=n>{count}"
        for name, count in Counter(operations).most_common(_ROWS)
    )
    last = ", ".join(f"<code>{_cell(name)}</code>" for name in operations[-_LAST:])
    return f"<table><tr><th>Operation<th>Requests</tr>{rows}</table><p>The last ones: {last}</p>"


def _state_tables(state: Mapping[str, Any]) -> str:
    """Return what is stored: single values in one table, each list and object in one of its own."""
    single = {name: value for name, value in state.items() if not isinstance(value, list | dict)}
    stored = f"<h2>Stored</h2>{_shown(single)}" if single else ""
    return stored + "".join(
        f"<h2>{_cell(name)}{_count(value)}</h2>{_shown(value)}"
        for name, value in state.items()
        if name not in single
    )


def _count(value: Any) -> str:
    if not isinstance(value, list | dict):
        return ""
    more = f", the first {_ROWS} shown" if len(value) > _ROWS else ""
    return f" <span class=mute>({len(value)}{more})</span>"


def _shown(value: Any) -> str:
    """Return a list of objects as a table, an object as its rows, anything else as it is."""
    if isinstance(value, list) and value and all(isinstance(row, dict) for row in islice(value, _ROWS)):
        columns = list(dict.fromkeys(name for row in islice(value, _ROWS) for name in row))[:_COLUMNS]
        head = "".join(f"<th>{_cell(column)}" for column in columns)
        return _table(head, ([row.get(column, "") for column in columns] for row in islice(value, _ROWS)))
    if isinstance(value, dict):
        return _table("<th>Key<th>Value", ([key, inner] for key, inner in islice(value.items(), _ROWS)))
    if isinstance(value, list):
        return (
            _table("<th>Value", ([inner] for inner in islice(value, _ROWS)))
            if value
            else "<p class=mute>Empty.</p>"
        )
    return f"<p>{_cell(value)}</p>"


def _table(head: str, rows: Iterable[Iterable[Any]]) -> str:
    body = "".join(f"<tr>{''.join(f'<td>{_cell(value)}' for value in row)}" for row in rows)
    return f"<div class=wide><table><tr>{head}</tr>{body}</table></div>"


def _cell(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return html.escape(text if len(text) <= _CELL else f"{text[: _CELL - 1]}…")
