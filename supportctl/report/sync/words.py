"""Words that the renderers of a comparison share: times, phones, people, what is wrong with a call."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from integrations.sync.findings import clock_finding
from integrations.sync.model import GAP_CODES
from supportctl.catalog.compose import describe
from supportctl.core.call import INTERNAL
from supportctl.core.finding import Status
from supportctl.core.text import clean
from supportctl.report.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from integrations.crm.reader import CrmCall
    from integrations.sync.model import Gap
    from supportctl.catalog import Catalog
    from supportctl.core.call import Call
    from supportctl.report.sync.model import SyncReport

_SAID_BY_THE_STATE = frozenset({
    "sync.call-missing", "sync.recording-missing", "sync.no-contact", "sync.phantom-call",
})  # fmt: skip
ARRIVED, EXCLUDED, UNJUDGED = "arrived", "excluded", "unjudged"
_AREA = "sync."
_ORDER = {code: place for place, code in enumerate(GAP_CODES)}
# what the CRM calls the kinds of clients -> our phrase
_CLIENTS = {
    "CONTACT": "sync.page-contact",
    "COMPANY": "sync.page-company",
    "LEAD": "sync.page-lead-card",
    "DEAL": "sync.page-deal",
}


class SyncWords:
    """The words of one report in one language."""

    def __init__(self, report: SyncReport, catalog: Catalog) -> None:
        self._report = report
        self._catalog = catalog
        self.day_form = "%d.%m.%Y" if catalog.lang == "ru" else "%Y-%m-%d"
        self.names = {
            "source": report.source.system,
            "crm": report.crm.system,
        }

    def say(self, key: str, **args: object) -> str:
        """Return a phrase of this area; the names of both systems are known to it."""
        return self._catalog.phrase(f"sync.{key}", **{**self.names, **args})

    def count(self, key: str, n: int, **args: object) -> str:
        """Return a phrase in the form that `n` asks for."""
        texts = {name: str(value) for name, value in {**self.names, **args}.items()}
        return counted(self._catalog, f"sync.{key}", n, **texts)

    def moment(self, at: datetime, form: str = "") -> str:
        """Return a time in the shop's zone: day and time; `form` is one of strftime."""
        local = at.astimezone(self._report.zone)
        return local.strftime(form or f"{self.day_form} %H:%M")

    def short_moment(self, at: datetime) -> str:
        """Return day and month, and the time."""
        return self.moment(at, "%d.%m %H:%M" if self._catalog.lang == "ru" else "%m-%d %H:%M")

    def state(self, code: str) -> str:
        """Return where a call ended, in a few words: "arrived", "excluded" or a code of a gap."""
        return self.say(f"state-{code.removeprefix(_AREA)}")

    def means(self, code: str) -> str:
        """Return what a gap means, for somebody who is no engineer."""
        return self.say(f"means-{code.removeprefix(_AREA)}")

    def wrong(self, gap: Gap) -> str:
        """Return what is wrong with one call, "" if its state has said it all."""
        if gap.code in _SAID_BY_THE_STATE:
            left = gap.call is not None and gap.call.employee in self._report.dismissed
            return self.say("wrong-dismissed") if left and gap.code == "sync.call-missing" else ""
        details = {name: clean(value) for name, value in gap.details.items()}
        name = gap.code.removeprefix(_AREA)
        if gap.code == "sync.recording-broken":
            return self.say(f"broken-{details.get('reason')}")
        if gap.code == "sync.delivered-late":
            details["late"] = self.offset(int(gap.details.get("late_s", 0)))
        if gap.code == "sync.duplicate-call":
            details["record"] = clean(gap.crm.record_id if gap.crm else "")
        if gap.code == "sync.wrong-employee":
            details["found"] = self.employee(None, gap.crm)
        return self.say(f"wrong-{name}", **details)

    def employee(self, call: Call | None, crm: CrmCall | None) -> str:
        """Return who talked: as the telephony says, else as the CRM says."""
        if call is not None and call.employee:
            return clean(self._report.extensions.get(call.employee, call.employee))
        if crm is not None and crm.employee:
            return clean(self._report.users.get(crm.employee, crm.employee))
        return self.say("nobody")

    def direction(self, call: Call | None, crm: CrmCall | None, form: str = "") -> str:
        """Return which way a call went, and that nobody answered it; `form` is "page-" for whole words."""
        way = call.direction if call else crm.direction if crm else ""
        if call is not None and not call.answered:
            return self.say(f"{form}missed") if way == "in" else self.say(f"{form}unanswered")
        return self.say(f"{form}{way}") if way in {"in", "out"} else ""

    def phone(self, number: str) -> str:
        """Return a number as people read it; a hidden one is said in words."""
        return grouped(number) or self.say("hidden")

    def contact(self, crm: CrmCall | None) -> str:
        """Return the CRM's client of a call, "" if it has none."""
        kind, _, id_ = clean(crm.contact if crm else "").partition(":")
        if not id_:
            return kind
        key = _CLIENTS.get(kind.upper())
        return self._catalog.phrase(key, id=id_) if key else f"{kind} {id_}"

    def offset(self, seconds: int) -> str:
        """Return a length of time in its two largest units."""
        parts = []
        left = abs(seconds)
        for unit, size in (("hours", 3600), ("minutes", 60), ("seconds", 1)):
            number, left = divmod(left, size)
            if number:
                parts.append(self.count(unit, number))
        return " ".join(parts[:2]) or self.count("seconds", 0)

    def clock(self) -> str:
        """Return the sentence about clocks that differ, "" if they agree or too few calls tell."""
        result = self._report.result
        found = clock_finding(result.clock, self._report.crm.name)
        if found is None or found.status is Status.OK:
            return ""
        if result.clock.kind != "constant":
            return f"{describe(found, self._catalog).title}."
        way = self.say("clock-ahead") if result.clock_offset_s > 0 else self.say("clock-behind")
        return self.say("clock", offset=self.offset(result.clock_offset_s), way=way)

    def rules(self) -> str:
        """Return the rules that leave calls out, with their numbers."""
        excluded = self._report.result.excluded
        return ", ".join(f"{self.rule(name)} {number}" for name, number in sorted(excluded.items()))

    def rule(self, name: str) -> str:
        """Return a rule's name; the one that is there by default speaks the language of the report."""
        return self.say("rule-internal") if name == INTERNAL else clean(name)


def grouped(number: str) -> str:
    """Return a Russian number in groups, any other as it is."""
    plain = clean(number)
    if len(plain) == 12 and plain.startswith("+7") and plain[1:].isdigit():
        return f"+7 {plain[2:5]} {plain[5:8]}-{plain[8:10]}-{plain[10:]}"
    return plain


def talk_time(seconds: int | None) -> str:
    """Return minutes and seconds, "" if nobody talked."""
    return f"{seconds // 60}:{seconds % 60:02}" if seconds else ""


def web_link(address: str | None) -> str:
    """Return an address that may be opened with a click, "" for anything but the web's: it is remote data."""
    try:
        parts = urlsplit(address or "")
    except ValueError:
        return ""
    safe = parts.scheme in {"http", "https"} and parts.hostname and not parts.username and not parts.password
    return clean(address or "", 2000) if safe else ""


def by_code(gaps: Iterable[Gap]) -> dict[str, list[Gap]]:
    """Return the gaps by their code, the codes in the order of the model, the newest call first."""
    groups: dict[str, list[Gap]] = {}
    for gap in gaps:
        groups.setdefault(gap.code, []).append(gap)
    for group in groups.values():
        group.sort(key=started, reverse=True)
    return dict(sorted(groups.items(), key=lambda item: _ORDER.get(item[0], len(_ORDER))))


def started(gap: Gap) -> float:
    """Return when the call of a gap began, as a number to sort by."""
    about = gap.call or gap.crm
    return about.started_at.timestamp() if about else 0.0
