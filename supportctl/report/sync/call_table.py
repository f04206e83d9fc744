"""All calls as a table on the manager's page: its filters, what its script works on, rows without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from supportctl.report.markup import Html, element, joined
from supportctl.report.sync.words import ARRIVED, EXCLUDED, UNJUDGED, SyncWords

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from supportctl.catalog import Catalog
    from supportctl.report.sync.rows import Row

_WITHOUT_SCRIPT = 500  # rows for a browser that runs no script
_COLUMNS = ("time", "phone", "client", "employee", "talk", "recording", "state")
# phrases that the script puts together
_FOR_SCRIPT = ("any-day", "any-employee", "shown", "none", "place", "listen", "recording-none",
               "recording-source", "recording-crm", "card")  # fmt: skip


class CallTable:
    """The rows of a report; `gaps` are the codes of its gaps in the order in which they are offered."""

    def __init__(self, rows: Sequence[Row], gaps: Iterable[str], words: SyncWords, catalog: Catalog) -> None:
        self._rows = rows
        self._gaps = tuple(gaps)
        self._words = words
        self._say = words.say
        self._catalog = catalog

    def section(self) -> Html:
        """Return the place for the rows that the script makes, and what stands there without it."""
        return element(
            "section",
            element("h2", self._say("page-all"), id="calls"),
            self._filters(),
            element("p", id="shown", role="status", aria_live="polite"),
            element("table", self._head(), element("tbody", id="rows"), id="table", hidden=""),
            element(
                "nav",
                element("button", self._say("page-previous"), type="button", id="previous"),
                element("span", id="place"),
                element("button", self._say("page-next"), type="button", id="next"),
                id="pager",
                hidden="",
            ),
            element("noscript", self._without_script()),
        )

    def data(self) -> dict[str, Any]:
        """Return what the script works on: texts once, rows as lists that name them by their places."""
        found = dict.fromkeys(state for row in self._rows for state in row.states)
        states = {state: place for place, state in enumerate(found)}
        employees = {name: place for place, name in enumerate(sorted({row.employee for row in self._rows}))}
        return {
            "words": {name: self._say(f"page-{name}", **_marks(name)) for name in _FOR_SCRIPT},
            "labels": self._names(),
            "states": [[state, self._words.state(state), tone(state, self._catalog)] for state in states],
            "employees": list(employees),
            "days": list(dict.fromkeys((row.day_key, row.day) for row in self._rows)),
            "rows": [
                [row.day_key, row.time, row.way, row.mark, row.phone, row.client, employees[row.employee],
                 row.talk, row.recording, row.recording_note, [states[state] for state in row.states],
                 row.note, row.link, row.call_id]
                for row in self._rows
            ],
        }  # fmt: skip

    def _head(self) -> Html:
        return element("thead", element("tr", *(element("th", name, scope="col") for name in self._names())))

    def _names(self) -> list[str]:
        return [self._say(f"page-{name}") for name in _COLUMNS]

    def _filters(self) -> Html:
        states = [("", self._say("page-any-state")), ("wrong", self._say("page-any-problem"))]
        states += [(state, self._words.state(state)) for state in self._states()]
        return element(
            "form",
            _labelled(
                self._say("page-search"),
                "search",
                element("input", id="search", type="search", autocomplete="off", spellcheck="false"),
            ),
            _labelled(self._say("page-day"), "day", element("select", id="day")),
            _labelled(self._say("page-employee"), "employee", element("select", id="employee")),
            _labelled(
                self._say("page-state"),
                "state",
                element(
                    "select", *(element("option", text, value=value) for value, text in states), id="state"
                ),
            ),
            element("button", self._say("page-reset"), type="button", id="reset"),
            id="filters",
            hidden="",
            aria_label=self._say("page-filter"),
        )

    def _states(self) -> list[str]:
        found = {state for row in self._rows for state in row.states}
        return [state for state in (ARRIVED, *self._gaps, UNJUDGED, EXCLUDED) if state in found]

    def _without_script(self) -> Html:
        wrong = [row for row in self._rows if row.is_wrong]
        rows = [self._plain_row(row) for row in wrong[:_WITHOUT_SCRIPT]]
        more = len(wrong) - len(rows)
        return joined(
            element("p", self._say("page-no-script")),
            element("table", self._head(), element("tbody", *rows)),
            element("p", self._say("page-no-script-more", n=more)) if more else None,
        )

    def _plain_row(self, row: Row) -> Html:
        states = "; ".join(self._words.state(state) for state in row.states)
        cells = (
            f"{row.day} {row.time}",
            f"{row.way}, {row.phone}" if row.way else row.phone,
            row.client,
            row.employee,
            row.talk,
            self._say("page-listen") if row.recording else row.recording_note,
            f"{states}: {row.note}" if row.note else states,
        )
        return element(
            "tr",
            *(element("td", text, data_label=name) for name, text in zip(self._names(), cells, strict=True)),
        )


def tone(state: str, catalog: Catalog) -> str:
    """Return the class of a state's colour."""
    if state == ARRIVED:
        return "ok"
    return catalog.facts(state).statuses[0] if "." in state else "quiet"


def _marks(name: str) -> dict[str, object]:
    """Leave the places of numbers that the script fills in."""
    names = {"shown": ("n", "total"), "place": ("from", "to", "n")}.get(name, ())
    return {each: f"{{{each}}}" for each in names}


def _labelled(text: str, for_: str, control: Html) -> Html:
    return element("div", element("label", text, for_=for_), control)
