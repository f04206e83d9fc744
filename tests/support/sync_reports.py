"""Reports of comparisons made from the lab's day, without portals and engine: for tests of the renderers."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from integrations.crm.reader import CrmCall
from integrations.lab.day import EMPLOYEES, make_day
from integrations.sync.model import Gap, Settled, SyncResult, Window
from supportctl.core.call import INTERNAL
from supportctl.report.sync.model import Side, SyncReport

ZONE = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 11, 22, 14, 7, tzinfo=ZONE)
_DETAILS = {
    "sync.delivered-late": {"late_s": 10_800},
    "sync.duplicate-call": {"kept": "87"},
    "sync.recording-broken": {"side": "telephony", "reason": "gone"},
}


def report(count=160, *, gaps=True, name="", phone=""):
    """Return the report of a day; `name` and `phone` stand for every employee's and caller's."""
    day = make_day(NOW, gaps=gaps, count=count)
    users = {e.extension: e.id for e in EMPLOYEES}
    settled, found = [], []
    for call, recording, contact in day.happened:
        call = call._replace(  # noqa: PLW2901
            recording_url=f"https://media.example/{call.call_id}" if recording != "none" else None,
            contact_phone=phone or call.contact_phone,
        )
        if INTERNAL in call.tags:
            settled.append(Settled(call, None, (), INTERNAL))
            continue
        codes = day.gaps_of(call.call_id)
        record = CrmCall(
            f"9{call.call_id}", call.started_at, call.contact_phone, call.direction, call.call_id,
            call.duration_s, call.line, users.get(call.employee, "1"),
            "" if "sync.no-contact" in codes or not contact else "CONTACT:4021",
            call.recording_url is not None and "sync.recording-missing" not in codes,
            link="https://acme.example/crm/contact/details/4021/",
        )  # fmt: skip
        crm = None if "sync.call-missing" in codes else record
        settled.append(Settled(call, crm, tuple(codes)))
        found += [Gap(code, call, crm, _DETAILS.get(code, {})) for code in codes]
    for call in day.phantoms:
        record = CrmCall(f"9{call.call_id}", call.started_at, call.contact_phone, "in", employee="1")
        found.append(Gap("sync.phantom-call", None, record, {}))
    excluded = sum(1 for each in settled if each.excluded)
    matched = sum(1 for each in settled if each.crm)
    result = SyncResult(
        Window(NOW - timedelta(hours=24), NOW), len(settled), matched, matched, tuple(found),
        {INTERNAL: excluded}, 0, (),
    )  # fmt: skip
    return SyncReport(
        Side("pbx", "uis"), Side("acme", "bitrix24"), result, NOW, 2.4, "0.0", ZONE, "Europe/Moscow",
        "shop-12", "Shop on Lenin street",
        extensions={e.extension: name or e.name for e in EMPLOYEES},
        dismissed=frozenset(e.extension for e in EMPLOYEES if not e.active),
        users={e.id: name or e.name for e in EMPLOYEES},
        settled=tuple(settled),
    ), day  # fmt: skip
