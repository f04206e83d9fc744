"""MoySklad as a CRM: its Phone API takes calls and tells the employees with extensions; it lists no calls.

No method that lists calls is known, and none that finds one by the telephony's id without writing to it
(PUT /call/extid/ID). So a comparison cannot be made, and that is said instead of a day of missing calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NoReturn
from urllib.parse import urlsplit

from integrations.crm.asking import FAILURE_CODES, Asking
from integrations.crm.people import PEOPLE_CODES, employee_findings
from integrations.crm.reader import Employee, no_progress
from integrations.http import ATTEMPTS, Http, Request
from integrations.pace import Pacer
from integrations.shop.asking import address_of
from integrations.shop.fields import json_of, mapping, objects, text
from integrations.shop.moysklad.api import PUBLIC, MoySkladApi, judge, sign_in_header
from integrations.shop.moysklad.facts import id_of
from integrations.shop.moysklad.reader import MoySkladReader as JsonReader
from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    import requests

    from integrations.checking import CheckContext, Surroundings
    from integrations.crm.reader import CrmCall, Progress
    from integrations.http import Reply
    from supportctl.core.accounts import MoySklad
    from supportctl.core.call import Call, Rejected
    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline
    from supportctl.core.failure import ServiceError
    from supportctl.core.finding import Finding

SYSTEM = "MoySklad"
ROOT = "/api/phone/1.0"
RATE = 100 / 5 * 0.98  # requests a second
_NO_SOLUTION = "55008"
_SPECIAL = {"1998": "crm.account-closed"}  # the service has moved to another address


class PhoneApi:
    """A session with the Phone API of one account."""

    def __init__(
        self,
        clock: Clock,
        token: str,
        *,
        url: str | None = None,
        session: requests.Session | None = None,
        attempts: int = ATTEMPTS,
    ) -> None:
        self.base = (url or PUBLIC).rstrip("/")
        headers = {"Lognex-Phone-Auth-Token": token, "Accept-Encoding": "gzip"}
        pacer = Pacer(RATE, clock)
        self.http = Http(clock, self._judge, pacer=pacer, headers=headers, session=session, attempts=attempts)

    def _judge(self, request: Request, reply: Reply) -> ServiceError | None:
        return judge(request, reply, self.http.clock.now())

    def extensions(self, deadline: Deadline) -> dict[str, str]:
        """Return employee -> extension. That the list without a filter is whole is UNVERIFIED.

        Raises:
            ServiceError: the system refuses or cannot be reached.
        """
        request = Request("GET", f"{self.base}{ROOT}/employee", "phone.employee", reads=True)
        answer = mapping(json_of(self.http.send(request, deadline), "phone.employee"), "phone.employee")
        found = {}
        for row in objects(answer.get("employees"), "employees"):
            # `extention` is the vendor's own spelling
            found[id_of(mapping(row.get("meta"), "meta"))] = text(row, "extention", "")
        return found


class MoySkladReader:
    """Reads what MoySklad tells: employees. With `api_token` their names, too, and who has left."""

    def __init__(
        self,
        account: MoySklad,
        surroundings: Surroundings,
        session: requests.Session | None = None,
        *,
        attempts: int = ATTEMPTS,
    ) -> None:
        resolve = surroundings.resolve
        url = address_of(surroundings, account.url)
        token, clock = resolve(account.token), surroundings.clock
        self.phone = PhoneApi(clock, token, url=url, session=session, attempts=attempts)
        self.json: MoySkladApi | None = None
        if account.api_token:
            header = sign_in_header(resolve(account.api_token))
            self.json = MoySkladApi(clock, header, url=url, session=session, attempts=attempts)

    def records(
        self,
        since: datetime,  # noqa: ARG002  the reader's signature
        until: datetime,  # noqa: ARG002
        deadline: Deadline,  # noqa: ARG002
        progress: Callable[[Progress], None] = no_progress,  # noqa: ARG002
    ) -> Iterator[CrmCall | Rejected]:
        """Say that the calls cannot be listed.

        Raises:
            UsageError: always, `crm.calls-not-listed`.
        """
        self._not_listed()

    def find(
        self,
        calls: Iterable[Call],  # noqa: ARG002  the reader's signature
        deadline: Deadline,  # noqa: ARG002
    ) -> dict[str, list[CrmCall]]:
        """Say that a call cannot be looked up without writing to it.

        Raises:
            UsageError: always, `crm.calls-not-listed`.
        """
        self._not_listed()

    def _not_listed(self) -> NoReturn:
        raise UsageError("crm.calls-not-listed", system=SYSTEM)

    def employees(self, deadline: Deadline) -> Sequence[Employee]:
        """Return the employees: those with an extension, and with `api_token` all others, too.

        Raises:
            ServiceError: the system refuses or cannot be reached.
        """
        extensions = self.phone.extensions(deadline)
        if self.json is None:
            return [Employee(id_, id_, extension) for id_, extension in extensions.items()]
        found = JsonReader(self.json).people(deadline)
        known = [
            Employee(person.id, person.name or uid, extensions.get(person.id, ""), person.active)
            for uid, person in found.items()
        ]
        ids = {employee.id for employee in known}
        return [*known, *(Employee(id_, id_, ext) for id_, ext in extensions.items() if id_ not in ids)]


class MoySkladPhoneCheck:
    """Asks the Phone API of a MoySklad account, reading only."""

    codes: ClassVar[frozenset[str]] = FAILURE_CODES | PEOPLE_CODES | {
        "crm.reachable", "crm.signed-in", "crm.solution-missing", "crm.employee-unmapped",
    }  # fmt: skip

    def __init__(self, account: MoySklad, surroundings: Surroundings) -> None:
        self._account = account
        self._surroundings = surroundings
        self._reader: MoySkladReader | None = None

    def use(self, reader: MoySkladReader) -> None:
        """Ask by this reader instead of a new one."""
        self._reader = reader

    def run(self, context: CheckContext) -> Iterator[Finding]:
        """Yield the findings."""
        reader = self._reader or MoySkladReader(self._account, self._surroundings)
        asking = Asking(context, SYSTEM, reader.phone.base, _SPECIAL)
        asking.host = urlsplit(reader.phone.base).netloc
        asked = asking.ask("GET phone/1.0/employee", lambda: reader.employees(context.deadline))
        if asked.error is not None and asked.error.code == _NO_SOLUTION:
            yield context.fault("crm.solution-missing", asked.evidence, system=SYSTEM, code=_NO_SOLUTION)
            return
        if asked.error is not None:
            yield asking.failed(asked)
            return
        yield context.ok("crm.reachable", asked.evidence, system=SYSTEM, host=asking.host)
        yield context.ok("crm.signed-in", asked.evidence, system=SYSTEM, user=self._surroundings.name)
        employees: Sequence[Employee] = asked.answer
        active = [employee for employee in employees if employee.active]
        if active and not any(employee.extension for employee in active):
            names = ", ".join(employee.name for employee in active[:5])
            yield context.warning(
                "crm.employee-unmapped", asked.evidence, system=SYSTEM, count=len(active), names=names
            )
        yield from employee_findings(asking, employees, self._account.fallback_employee, asked.evidence)
