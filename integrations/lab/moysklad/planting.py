"""How the lab's day is put into the account: users, contacts, calls, shops, documents and who edited them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from integrations.lab.moysklad.books import Ref, told
from integrations.phones import normalise

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from integrations.crm.reader import Employee
    from integrations.lab.moysklad.books import Books
    from integrations.lab.moysklad.phone import Phone
    from supportctl.core.call import Call


class Planting:
    """What was there before anybody asked."""

    books: Books
    phone: Phone
    organization: str

    def __init__(self, *more: Any) -> None:
        super().__init__(*more)
        self.users: dict[str, str] = {}  # login -> employee

    def plant_user(self, uid: str, name: str, role: str = "worker", *, archived: bool = False) -> str:
        """Add a user with a login; return the id of the employee."""
        fields = {"name": name, "lastName": name, "fullName": name, "uid": uid, "_role": role}
        self.users[uid] = self.books.add("employee", fields, archived=archived)["id"]
        return self.users[uid]

    def plant_employee(self, employee: Employee) -> None:
        """Add a user; the extension is kept by the Phone API."""
        fields = {"id": employee.id, "name": employee.name, "lastName": employee.name}
        self.books.add("employee", fields, archived=not employee.active, uid=f"{employee.id}@lab")
        self.users[f"{employee.id}@lab"] = employee.id
        if employee.extension:
            self.phone.extensions[employee.extension] = employee.id

    def plant_contact(self, phone: str, name: str) -> str:
        """Add a counterparty."""
        found = self.books.add("counterparty", {"name": name, "phone": phone})
        self.phone.by_phone[normalise(phone, "RU")] = found["id"]
        return f"COUNTERPARTY:{found['id']}"

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
        """Add a call as if the telephony had sent it; a call always has an externalId here."""
        at = started_at or call.started_at
        fields: dict[str, Any] = {
            "externalId": call.call_id if external_id else self.books.new_id(),
            "number": call.contact_phone or "hidden",
            "isIncoming": call.direction == "in",
            "startTime": told(at),
            "duration": call.duration_s * 1000,
            "employee": Ref("employee", employee) if employee else None,
            "recordUrl": [call.recording_url or "https://records.example/1.mp3"] if recording else [],
            "_created": told(created_at) if created_at else None,
        }
        if contact:
            fields["counterparty"] = Ref("counterparty", contact.partition(":")[2])
        return str(self.phone.create(fields)["id"])

    def plant_store(self, name: str, parent: str = "", **fields: Any) -> str:
        """Add a warehouse; return its id."""
        above = self.books.entities["store"].get(parent)
        if above is not None:
            path = "/".join(filter(None, (above["pathName"], above["name"])))
            fields |= {"parent": Ref("store", parent), "pathName": path}
        return str(self.books.add("store", {"name": name, **fields})["id"])

    def plant_point(self, name: str, store: str, **fields: Any) -> str:
        """Add a point of sale that sells from the warehouse `store`; return its id."""
        links = {"store": Ref("store", store), "organization": Ref("organization", self.organization)}
        fields = {"active": True, "controlShippingStock": True, "name": name, **links, **fields}
        return str(self.books.add("retailstore", fields)["id"])

    def plant_goods(self, name: str, stock: Mapping[str, float], type_: str = "product") -> str:
        """Add a good and how much of it lies in which warehouse; return its id."""
        good = str(self.books.add(type_, {"name": name})["id"])
        for store, quantity in stock.items():
            self.books.set_stock(store, good, quantity)
        return good

    def plant_document(self, type_: str, at: datetime, sum_: float = 0.0, **fields: Any) -> str:
        """Add a document; `sum_` is in kopecks. Return its id."""
        document = self.books.add(type_, {"moment": at, "created": at, "updated": at, "sum": sum_, **fields})
        return str(document["id"])

    def plant_edit(
        self, type_: str, id_: str, at: datetime, uid: str, source: str = "app", **changes: Any
    ) -> None:
        """Let somebody change a document at a time."""
        self.books.record((self.books.change(type_, id_, changes, at),), uid, source, at)

    def plant_removal(
        self, type_: str, id_: str, at: datetime, uid: str, source: str = "app", *, to_bin: bool = True
    ) -> None:
        """Let somebody delete a document at a time."""
        self.books.record((self.books.remove(type_, id_, at, to_bin=to_bin),), uid, source, at)
