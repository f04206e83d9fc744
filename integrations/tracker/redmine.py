"""Redmine through python-redmine, whose engine sends over our own way out.

python-redmine sets what it is given as `requests={...}` as attributes of a session of requests, where
`timeout` means nothing: its requests would wait for ever. It also follows redirects and knows no bound of an
answer. So the library builds requests and reads resources; `Asking` sends.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from integrations.answers import by_status
from integrations.tracker.asking import Asking, mark, titled
from supportctl.core.delivery import Issue
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from integrations.answers import Reply, Request
    from integrations.checking import Surroundings
    from supportctl.core.accounts import Redmine

_RATE = 5.0
_PAGE = 100


class RedmineTracker:
    """`TRACKERS["redmine"]`. The fingerprint stands in the subject.

    Redmine takes no notice of filters that it does not know, and then returns every issue: what it returns
    counts only if its own subject carries the mark.
    """

    def __init__(
        self, account: Redmine, surroundings: Surroundings, session: requests.Session | None = None
    ) -> None:
        from redminelib import Redmine as Client

        headers = {"X-Redmine-API-Key": surroundings.resolve(account.key)}
        base = surroundings.resolve(account.url)
        asking = Asking(base, surroundings.clock, headers, _RATE, judge=judge, session=session)
        # `Any`: the resources of python-redmine are made at run time
        self._redmine: Any = Client(asking.base, engine=_engine(), asking=asking)
        self._project, self._tracker = account.project, account.tracker_id
        self._base = asking.base

    def find(self, fingerprint: str) -> Issue | None:
        """Return the newest issue that carries exactly this fingerprint; an open one before any other."""
        for status in ("open", "closed"):
            found = self._redmine.issue.filter(
                project_id=self._project,
                status_id=status,
                subject=f"~{mark(fingerprint)}",
                sort="id:desc",
                limit=_PAGE,
            )
            for row in _evaluated(found):
                if mark(fingerprint) in str(row.get("subject")):
                    return self._issue(row.get("id"), is_open=status == "open")
        return None

    def create(self, fingerprint: str, title: str, text: str) -> Issue:
        """Create an issue."""
        more = {"tracker_id": self._tracker} if self._tracker is not None else {}
        subject = titled(title, fingerprint)
        with _understood(Failure.AMBIGUOUS):
            made = self._redmine.issue.create(
                project_id=self._project, subject=subject, description=text, **more
            )
            number = made.internal_id
        return self._issue(number, is_open=True)

    def comment(self, issue: Issue, text: str) -> None:
        """Add a note."""
        with _understood(Failure.AMBIGUOUS):
            self._redmine.issue.update(int(issue.number), notes=text)

    def close(self, issue: Issue, text: str) -> None:
        """Write a last note and set the first status that closes.

        Raises:
            ServiceError: `status-unchanged`: the workflow lets this user close nothing, which Redmine does
                not say; the note is written.
        """
        statuses = _evaluated(self._redmine.issue_status.all())
        ending = next((row.get("id") for row in statuses if row.get("is_closed")), None)
        more = {"status_id": ending} if ending is not None else {}
        with _understood(Failure.AMBIGUOUS):
            self._redmine.issue.update(int(issue.number), notes=text, **more)
        with _understood(Failure.RETRY):
            now = dict(self._redmine.issue.get(int(issue.number))).get("status")
        closing = {row.get("id") for row in statuses if row.get("is_closed")}
        if not isinstance(now, dict) or now.get("id") not in closing:
            raise ServiceError(Failure.CONFIGURATION, "status-unchanged", "the workflow allows no end")

    def _issue(self, number: object, *, is_open: bool) -> Issue:
        if not isinstance(number, int):
            raise ServiceError(Failure.AMBIGUOUS, "not-understood", "the answer names no issue")
        return Issue(str(number), f"{self._base}/issues/{number}", is_open)


def judge(request: Request, reply: Reply) -> ServiceError | None:
    """Return what failed: 422 says what of the issue the project does not take, which a person mends."""
    error = by_status(request, reply)
    if error is None or reply.status not in {412, 422}:
        return error
    try:
        document = reply.json()
    except ValueError:
        document = None
    said = document.get("errors") if isinstance(document, dict) else None
    words = "; ".join(map(str, said)) if isinstance(said, list) else error.text
    return ServiceError(Failure.CONFIGURATION, error.code, words, status=reply.status)


def _evaluated(found: Any) -> list[dict[str, Any]]:
    """Return the resources of a set as they came. `Any`: python-redmine has no types."""
    with _understood(Failure.RETRY):
        return [dict(row) for row in found.values()]


@contextmanager
def _understood(failure: Failure) -> Iterator[None]:
    """Turn into a ServiceError what the library makes of an answer that is not what Redmine documents."""
    try:
        yield
    except ServiceError:
        raise
    except Exception:  # noqa: BLE001  KeyError, TypeError, its own: whatever the answer broke in it
        raise ServiceError(failure, "not-understood", "the answer is none of Redmine's") from None


def _engine() -> Any:
    """Return an engine of python-redmine that asks through `Asking`. `Any`: the library has no types."""
    from redminelib.engines.base import BaseEngine

    class Engine(BaseEngine):  # type: ignore[misc]  # the library has no types
        """Takes `asking`; what the library would do with a session is done there."""

        def __init__(self, *, asking: Asking, **options: Any) -> None:
            self._asking = asking
            super().__init__(**options)

        @staticmethod
        def create_session(**params: Any) -> None:
            """Have none."""

        def request(
            self, method: str, url: str, headers: Any = None, params: Any = None, data: Any = None
        ) -> Any:
            """Return the answer as the library wants it: JSON, True if it is empty."""
            del headers  # the library's own, for uploads only
            reads = method == "get"
            operation = f"{method} {url.removeprefix(self._asking.base).partition('?')[0]}"
            answer = self._asking.send(
                method.upper(), url, operation, params=params or {}, body=None if reads else data, reads=reads
            )
            return True if answer is None else answer

        def process_bulk_request(self, method: str, url: str, container: str, bulk_params: Any) -> Any:
            """Return the rows of further pages."""
            return [
                row for params in bulk_params for row in self.request(method, url, params=params)[container]
            ]

    return Engine
