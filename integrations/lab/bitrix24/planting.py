"""The lab's day in a portal: users, contacts and calls that came in before anybody looked."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from integrations.lab.bitrix24.store import Activity, OpenCall, StatRow, Store, User
from integrations.lab.roles import CrmPortal

if TYPE_CHECKING:
    from datetime import datetime

    from integrations.crm.reader import Employee
    from supportctl.core.call import Call

_SOUND = b"ID3 a recording of the lab"
_ON_ITS_WAY = timedelta(seconds=5)


class Planting(CrmPortal):
    """The side of the portal that the lab's day is put into."""

    store: Store

    def plant_employee(self, employee: Employee) -> None:
        """Add a user, or change one; the first administrator stays one."""
        with self._lock:
            number = int(employee.id)
            known = self.store.users.rows.get(number)
            user = User(number, employee.name, employee.extension, employee.active)
            if known is not None:
                known.name, known.active = user.name, user.active
                if known.inner != user.inner:
                    self.store.users.move("UF_PHONE_INNER", number, known.inner, user.inner)
                    known.inner = user.inner
                self.store.users.changed()
            else:
                self.store.users.add(number, user)

    def plant_contact(self, phone: str, name: str) -> str:
        """Add a contact; return "CONTACT:id"."""
        with self._lock:
            kind, number = self.store.add_card("CONTACT", name, phone)
            return f"{kind}:{number}"

    def plant_call(
        self,
        call: Call,
        *,
        employee: str,
        contact: str = "",
        recording: bool = False,
        external_id: bool = True,
        started_at: datetime | None = None,
        created_at: datetime | None = None,
    ) -> str:
        """Add a finished call; its id is that of the row in the statistics."""
        with self._lock:
            store, start = self.store, started_at or call.started_at
            kind, _, card = contact.partition(":")
            entity = (kind, int(card)) if card else None
            if call.line and call.line not in store.lines:
                store.add_line(call.line)
            opened = OpenCall(
                store.new_call_id(start), "", int(employee), call.contact_phone,
                2 if call.direction == "in" else 1, start, call.line,
                call.call_id if external_id else "", entity,
            )  # fmt: skip
            row = StatRow(
                store.next_id("statistic"), opened, int(employee), call.duration_s,
                "200" if call.answered else "304", None, entity,
            )  # fmt: skip
            if entity:
                row.activity_id = self._activity(opened, call, created_at)
            if recording:
                row.record_file_id = store.add_file(f"{call.call_id}.mp3", _SOUND + call.call_id.encode())
            store.statistics.add(row.id, row)
            return str(row.id)

    def _activity(self, opened: OpenCall, call: Call, created_at: datetime | None) -> int:
        assert opened.entity is not None
        number = self.store.next_id("activity")
        created = created_at or opened.start + timedelta(seconds=call.duration_s) + _ON_ITS_WAY
        activity = Activity(
            number, opened.entity, opened.user_id, 1 if call.direction == "in" else 2, opened.start, created,
            call.duration_s, f"VI_{opened.call_id}", opened.phone,
        )  # fmt: skip
        self.store.activities.add(number, activity)
        return number
