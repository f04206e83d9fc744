"""`queue.clear`: throws away the waiting jobs of a print queue. Those that came after the consent stay."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from playbooks.actions import cups, windows
from playbooks.actions.model import Done, Plan
from playbooks.actions.parts import checked, not_here, refusal
from supportctl.core.errors import UsageError
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from playbooks.actions.model import Place
    from supportctl.core.deadline import Deadline
    from supportctl.core.report import Risk

_AT_ONCE = 100  # job ids on one command line
_SHOWN_USERS = 5
_MAX_JOBS = 2000


class Clear:
    """Cancels the jobs that wait now."""

    name = "queue.clear"
    params: Mapping[str, bool] = {"queue": True}
    risk: Risk = "cannot-undo"
    seconds = 10

    def plan(self, params: Mapping[str, str], place: Place, deadline: Deadline) -> Plan:
        """Return which jobs would be lost, and whose they are."""
        given = checked(self.name, self.params, params)
        queue = given["queue"]
        jobs = self._jobs(queue, place, deadline)[:_MAX_JOBS]
        owners = Counter(job.user for job in jobs).most_common()
        whose = ", ".join(f"{user} ({count})" for user, count in owners[:_SHOWN_USERS])
        words = {
            "queue": clean(queue),
            "jobs": str(len(jobs)),
            "users": clean(whose) + (" …" if len(owners) > _SHOWN_USERS else ""),
        }
        return Plan(
            self.name, given, words, undo={"jobs": " ".join(job.id for job in jobs)}, needless=not jobs
        )

    def run(self, plan: Plan, place: Place, deadline: Deadline) -> Done:
        """Cancel the planned jobs; what was printed meanwhile is no failure."""
        queue, planned = plan.params["queue"], plan.undo["jobs"].split()
        waiting = {job.id for job in self._jobs(queue, place, deadline)}
        left = [job for job in planned if job in waiting]
        done = self._cancel(queue, left, place, deadline)
        stayed = waiting & set(left) & {job.id for job in self._jobs(queue, place, deadline)}
        if not stayed:
            return Done(ok=True)
        if not done.ok:
            return done
        words = {"queue": clean(queue), "jobs": str(len(stayed))}
        return Done(ok=False, code="action.failed-jobs-stay", words=words)

    def undo(self, plan: Plan, place: Place, deadline: Deadline) -> Done:  # noqa: ARG002  jobs are gone for good
        """Tell that it cannot be undone."""
        return Done(ok=False, code="action.failed-no-undo")

    def _jobs(self, queue: str, place: Place, deadline: Deadline) -> Sequence[cups.Job]:
        if place.system == "windows":
            answer = windows.look(place, "queue", deadline, queue=queue)
            if not answer.get("found"):
                raise UsageError("action.no-such-queue", found=queue, nearest="-")
            rows = answer.get("jobs") or []
            return [cups.Job(str(row.get("id")), clean(row.get("user") or "?")) for row in rows]
        if place.system not in {"linux", "darwin"}:
            raise not_here(self.name, place.system)
        cups.check_name(self.name, queue)
        return cups.jobs_of(place, queue, deadline)

    def _cancel(self, queue: str, jobs: Sequence[str], place: Place, deadline: Deadline) -> Done:
        if not jobs:
            return Done(ok=True)
        if place.system == "windows":
            ids = [int(job) for job in jobs if job.isdecimal()]
            return windows.change(place, "queue", deadline, verb="cancel", queue=queue, jobs=ids)
        worst = Done(ok=True)
        for start in range(0, len(jobs), _AT_ONCE):
            words = ["cancel", *jobs[start : start + _AT_ONCE]]
            ran = place.run(words, deadline)
            worst = worst if ran.code == 0 else refusal(ran, words)
        return worst
