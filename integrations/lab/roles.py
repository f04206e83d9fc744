"""What a simulated portal lets the lab's day put into it: calls that happened, and what became of them."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Literal

from integrations.lab.portal import Portal

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from integrations.crm.reader import Employee
    from supportctl.core.call import Call

Recording = Literal["none", "sound", "broken", "gone"]  # broken: a file that is no sound; gone: 404


class TelephonyPortal(Portal):
    """A telephony system: calls are planted as it would have recorded them."""

    @abstractmethod
    def plant(self, call: Call, recording: Recording = "none", employee_name: str = "") -> None:
        """Remember a call that happened; its recording is served by this portal, too."""


class CrmPortal(Portal):
    """A CRM: users, contacts and calls are planted as if they had come in by its interface."""

    @abstractmethod
    def plant_employee(self, employee: Employee) -> None:
        """Add a user."""

    @abstractmethod
    def plant_contact(self, phone: str, name: str) -> str:
        """Add a contact; return it as `CrmCall.contact` names it."""

    @abstractmethod
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
        """Add a call with the user's id `employee`; return its `record_id`.

        `external_id` is False for calls that the CRM knows by phone and time only; `started_at` is the time
        by the CRM's own clock, where it differs from the call's.
        """


class ShopPortal(Portal):
    """A system of goods and documents: a shop is planted as it would have grown there."""

    @abstractmethod
    def plant_shop(self, now: datetime, zone: tzinfo, *, troubles: bool) -> None:
        """Add a small shop with its last days; with `troubles` what a check has to find is in it, too."""
