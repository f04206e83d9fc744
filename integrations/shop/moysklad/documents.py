"""Which edits of documents does the owner want to hear of? Pure: edits in, groups out; nobody is accused."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime, tzinfo

    from integrations.shop.moysklad.facts import Edit
    from supportctl.core.shop_accounts import Hours

_DAY = timedelta(days=1)


class Rules(NamedTuple):
    """What the configuration says. `zone` is the shop's; `late_after` counts from the document's own time."""

    night: Hours
    zone: tzinfo
    late_after: timedelta = _DAY
    ignore_users: frozenset[str] = frozenset()  # in lower case


class Group(NamedTuple):
    """What one person did in one night, or on one day to documents of long ago. `day`: when it began."""

    uid: str
    day: date
    at_night: bool
    edits: tuple[Edit, ...]

    @property
    def removed(self) -> int:
        """How many documents were deleted."""
        return len({edit.id for edit in self.edits if edit.removed})

    @property
    def changed(self) -> int:
        """How many documents were changed and are still there."""
        return len({edit.id for edit in self.edits} - {edit.id for edit in self.edits if edit.removed})

    @property
    def sums(self) -> tuple[float, float] | None:
        """Sum of the documents before and after, as the audit writes it; None where it tells none."""
        told = [edit for edit in self.edits if edit.sum_before is not None]
        if not told:
            return None
        return sum(e.sum_before or 0.0 for e in told), sum(e.sum_after or 0.0 for e in told)


def at_night(moment: datetime, rules: Rules) -> bool:
    """Return whether a moment lies in the shop's night."""
    return rules.night.have(moment.astimezone(rules.zone).time())


def long_after(edit: Edit, rules: Rules) -> bool:
    """Return whether a document was changed long after its own time."""
    return edit.document_at is not None and edit.at - edit.document_at >= rules.late_after


def groups(edits: Iterable[Edit], rules: Rules) -> list[Group]:
    """Return what people did at night or long after, by person and night (or day), oldest first."""
    found: dict[tuple[str, date, bool], dict[tuple[str, datetime, str], Edit]] = {}
    for edit in edits:
        if not edit.by_hand or edit.uid.lower() in rules.ignore_users:
            continue
        night = at_night(edit.at, rules)
        if night or long_after(edit, rules):
            key = (edit.uid, _day(edit.at, rules, night=night), night)
            found.setdefault(key, {})[edit.id, edit.at, edit.event] = edit  # an edit may be read twice
    return [
        Group(uid, day, night, tuple(sorted(same.values(), key=lambda e: e.at)))
        for (uid, day, night), same in sorted(found.items(), key=lambda item: (item[0][1], item[0][0]))
    ]


def without(found: Iterable[Group], roles: Mapping[str, str], watched: frozenset[str]) -> list[Group]:
    """Leave out people of other roles; one whose role cannot be told stays."""
    return [group for group in found if not watched or roles.get(group.uid, "") in watched | {""}]


def _day(moment: datetime, rules: Rules, *, night: bool) -> date:
    """Return the day; of a night the day on which it began."""
    local = moment.astimezone(rules.zone)
    past_midnight = night and rules.night.end < rules.night.begin and local.time() < rules.night.end
    return (local - _DAY).date() if past_midnight else local.date()
