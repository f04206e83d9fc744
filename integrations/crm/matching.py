"""Which of a few calls a record of the CRM is: what `find` of every reader decides by."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from integrations.crm.reader import CrmCall
    from supportctl.core.call import Call

TOLERANCE = timedelta(minutes=2)


class FoundCalls:
    """Collects records for calls: by external id; a record without one by phone, direction and time."""

    def __init__(self, calls: Iterable[Call]) -> None:
        self.calls = tuple(calls)
        self._by_id = {call.call_id: call for call in self.calls if call.call_id}
        self._by_phone: defaultdict[str, list[Call]] = defaultdict(list)
        for call in self.calls:
            if call.contact_phone:
                self._by_phone[call.contact_phone].append(call)
        self._found: defaultdict[str, dict[str, CrmCall]] = defaultdict(dict)

    @property
    def earliest(self) -> datetime:
        """When the first of the calls began."""
        return min(call.started_at for call in self.calls)

    @property
    def latest(self) -> datetime:
        """When the last of the calls began."""
        return max(call.started_at for call in self.calls)

    def offer(self, record: CrmCall) -> None:
        """Keep a record if it is one of the calls."""
        if record.external_id:
            call = self._by_id.get(record.external_id)
            if call is not None:
                self._found[call.call_id][record.record_id] = record
            return
        for call in self._by_phone.get(record.phone, ()):
            near = abs(record.started_at - call.started_at) <= TOLERANCE
            if near and record.direction in {"", call.direction}:
                self._found[call.call_id][record.record_id] = record

    def answer(self) -> dict[str, list[CrmCall]]:
        """Return the records by `call_id`."""
        return {call_id: list(records.values()) for call_id, records in self._found.items()}
