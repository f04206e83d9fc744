"""Findings about the people of a CRM: how many work there, and whether the fallback employee does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supportctl.core.finding import Meaning, clean_args

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from integrations.crm.asking import Asking
    from integrations.crm.reader import Employee
    from supportctl.core.finding import Evidence, Finding

PEOPLE_CODES = frozenset({"crm.employees", "crm.fallback", "crm.user-inactive"})


def employee_findings(
    asking: Asking, employees: Sequence[Employee], fallback: int | str | None, seen: Evidence
) -> Iterator[Finding]:
    """Yield what the list of employees says."""
    active = sum(employee.active for employee in employees)
    counted = clean_args({"active": active, "dismissed": len(employees) - active})
    counts = seen._replace(meaning="crm.people", args=counted)
    yield asking.context.ok("crm.employees", counts, system=asking.system, count=active)
    if fallback is None:
        return
    found = next((employee for employee in employees if employee.id == str(fallback)), None)
    if found is not None and found.active:
        works = seen._replace(meaning="crm.user-found", args=clean_args({"employee": found.name}))
        yield asking.context.ok("crm.fallback", works, system=asking.system, employee=found.name)
        return
    state = Meaning("crm.user-unknown") if found is None else Meaning("crm.user-dismissed")
    name = f"{found.name} ({fallback})" if found else str(fallback)
    meant = seen._replace(meaning=str(state))
    yield asking.context.fault("crm.user-inactive", meant, system=asking.system, employee=name, state=state)
