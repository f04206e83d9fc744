"""Reads the facts of a shop from MoySklad, with as few requests as the answers need."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from integrations.shop.fields import flag, mapping, text
from integrations.shop.moysklad.api import AUDIT_PAGE, PAGE, MoySkladApi
from integrations.shop.moysklad.documents import at_night
from integrations.shop.moysklad.facts import (
    DOCUMENTS,
    EDITS,
    MSK,
    PEOPLE,
    REMOVALS,
    Context,
    Edit,
    Person,
    Rights,
    Stock,
    context_of,
    edit_of,
    linked,
    moment,
    point_of,
    rights_of,
    stock_of,
    store_of,
)
from supportctl.core.failure import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from integrations.shop.moysklad.documents import Rules
    from integrations.shop.moysklad.facts import Point, Store
    from supportctl.core.deadline import Deadline

_BOTH = "archived=true;archived=false"
_IDS = 100  # in one filter: headers and address together may have 8 KB
_OLD_DOCUMENTS = 200  # documents of long ago whose history is read
NO_USER = "1085"  # the token of a solution stands for no employee


class Audit(NamedTuple):
    """What the audit tells: edits by hand, and how many documents each other source changed at night."""

    edits: list[Edit]
    by_systems: dict[str, int]


class MoySkladReader:
    """One account. Every method raises ServiceError where the system refuses or cannot be reached."""

    def __init__(self, api: MoySkladApi) -> None:
        self._api = api

    def rights(self, deadline: Deadline) -> Rights:
        """Return who is asking; a solution's token has no rights that could be told."""
        try:
            return rights_of(self._api.get("context/employee", deadline))
        except ServiceError as error:
            if error.code != NO_USER:
                raise
            return Rights("")

    def points(self, deadline: Deadline) -> list[Point]:
        """Return the points of sale."""
        return [point_of(row) for row in self._api.rows("entity/retailstore", deadline)]

    def stores(self, deadline: Deadline) -> dict[str, Store]:
        """Return the warehouses by id, those in the archive included."""
        rows = self._api.rows("entity/store", deadline, {"filter": _BOTH})
        return {store.id: store for store in map(store_of, rows)}

    def stock(self, deadline: Deadline) -> Stock:
        """Return what lies where, one answer whatever its size; warehouses do not hold their children's."""
        return stock_of(self._api.get("report/stock/bystore/current", deadline))

    def names(self, goods: Sequence[str], deadline: Deadline) -> dict[str, str]:
        """Return the names of at most a hundred goods; of one in the archive there may be none."""
        if not goods:
            return {}
        wanted = ";".join(f"id={good}" for good in goods[:_IDS])
        rows = self._api.rows("entity/assortment", deadline, {"filter": f"{wanted};{_BOTH}"}, _IDS)
        return {text(row, "id"): text(row, "name", "") for row in rows}

    def transfers(self, since: datetime, deadline: Deadline) -> frozenset[tuple[str, str]]:
        """Return from where to where goods were moved since then (the newest thousand documents)."""
        params = {"filter": f"moment>={_told(since)}", "order": "moment,desc"}
        rows = islice(self._api.rows("entity/move", deadline, params), PAGE)
        return frozenset((linked(row, "sourceStore", ""), linked(row, "targetStore", "")) for row in rows)

    def people(self, deadline: Deadline) -> dict[str, Person]:
        """Return the employees by login."""
        rows = self._api.rows("entity/employee", deadline, {"filter": _BOTH})
        return {
            text(row, "uid"): Person(
                text(row, "id"), text(row, "name", ""), not flag(row, "archived", default=False)
            )
            for row in rows
            if row.get("uid")
        }

    def role(self, employee: str, deadline: Deadline) -> str:
        """Return the role of an employee (admin, cashier, worker, individual); only administrators see it."""
        answer = mapping(self._api.get(f"entity/employee/{employee}/security", deadline), "security")
        return linked(answer, "role")

    def audit(self, since: datetime, until: datetime, rules: Rules, deadline: Deadline) -> Iterator[Audit]:
        """Yield what the audit tells, part by part, so that what was read before a failure is kept.

        First the nights and everything that was deleted (the events of those contexts only), then documents
        of long ago that were changed by day: they are looked for by their own time, since most edits are of
        today's documents and need not be read.
        """
        found = [c for c in self._contexts(since, until, deadline) if not c.type or c.type in DOCUMENTS]
        by_hand = [c for c in found if c.source in PEOPLE and not c.by_support]
        hands = set(by_hand)
        others = [c for c in found if c not in hands and at_night(c.at, rules)]
        yield Audit([], _counted(others))
        for context in by_hand:
            if at_night(context.at, rules) or not context.event or context.event in REMOVALS:
                edits = [e for e in self._events(f"audit/{context.id}/events", deadline) if e.by_hand]
                yield Audit(self._with_time(edits, rules, deadline), {})
        by_day = {c.type for c in by_hand if c.event not in REMOVALS and not at_night(c.at, rules)}
        for type_ in sorted(by_day - {""}):
            yield from self._late(type_, (since, until), rules, deadline)

    def _contexts(self, since: datetime, until: datetime, deadline: Deadline) -> Iterator[Context]:
        kinds = ";".join(f"eventType={event}" for event in sorted(EDITS))
        wanted = f"moment>={_told(since)};moment<={_told(until)};{kinds}"
        for row in self._api.rows("audit", deadline, {"filter": wanted}, AUDIT_PAGE):
            context = context_of(row)
            if since <= context.at <= until and (not context.event or context.event in EDITS):
                yield context

    def _events(self, path: str, deadline: Deadline) -> Iterator[Edit]:
        for row in self._api.rows(path, deadline, page=AUDIT_PAGE):
            edit = edit_of(row)
            if edit is not None:
                yield edit

    def _with_time(self, edits: list[Edit], rules: Rules, deadline: Deadline) -> list[Edit]:
        """Add the own time of documents that went to the bin by day: only then does it matter."""
        binned = [e for e in edits if e.event == "puttorecyclebin" and e.document_at is None]
        asked = [edit for edit in binned if not at_night(edit.at, rules)]
        times: dict[str, datetime] = {}
        for type_ in {edit.type for edit in asked}:
            ids = sorted({edit.id for edit in asked if edit.type == type_ and edit.id})
            for start in range(0, len(ids), _IDS):
                wanted = ";".join(f"id={id_}" for id_ in ids[start : start + _IDS])
                params = {"filter": f"{wanted};isDeleted=true"}
                for row in self._api.rows(f"entity/{type_}", deadline, params, _IDS):
                    times[text(row, "id")] = moment(row.get("moment"))
        return [edit._replace(document_at=times.get(edit.id, edit.document_at)) for edit in edits]

    def _late(
        self, type_: str, window: tuple[datetime, datetime], rules: Rules, deadline: Deadline
    ) -> Iterator[Audit]:
        since, until = window
        wanted = f"updated>={_told(since)};moment<={_told(until - rules.late_after)}"
        params = {"filter": wanted, "order": "updated,desc"}
        for row in islice(self._api.rows(f"entity/{type_}", deadline, params), _OLD_DOCUMENTS):
            id_, own = text(row, "id"), moment(row.get("moment"))
            if moment(row.get("updated")) - own < rules.late_after:
                continue  # not even its last change was late
            edits = self._events(f"entity/{type_}/{id_}/audit", deadline)
            yield Audit([e._replace(document_at=own) for e in edits if since <= e.at <= until], {})


def _counted(contexts: Iterable[Context]) -> dict[str, int]:
    found: dict[str, int] = {}
    for context in contexts:
        name = "support" if context.by_support else context.source
        found[name] = found.get(name, 0) + context.objects
    return found


def _told(at: datetime) -> str:
    return f"{at.astimezone(MSK):%Y-%m-%d %H:%M:%S}"


def window(now: datetime, look_back_s: float) -> tuple[datetime, datetime]:
    """Return the window that ends now. The end is fixed, so that pages do not shift while they are read."""
    until = now.astimezone(MSK).replace(microsecond=0)
    return until - timedelta(seconds=look_back_s), until
