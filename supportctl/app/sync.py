"""A comparison of calls: configuration in, report out. Plugs source, reader, engine, checks and texts."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from integrations.registry import READERS, SOURCES
from integrations.telephony.source import no_progress
from supportctl import __version__
from supportctl.app.accounts import Account, surroundings
from supportctl.app.config_file import find_config, load_config
from supportctl.app.sync_trouble import Checks
from supportctl.app.sync_window import window as parse_window
from supportctl.catalog import Catalog
from supportctl.catalog.compose import describe
from supportctl.core.clock import Clock, SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.errors import UsageError
from supportctl.core.failure import Failure, ServiceError
from supportctl.core.finding import Status
from supportctl.core.nearest import nearest
from supportctl.report.sync.model import Side, SyncReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, tzinfo
    from pathlib import Path

    from integrations.crm.reader import CrmCall, CrmReader, Employee
    from integrations.sync.model import Settled, SyncResult, Window
    from integrations.sync.recordings import Recording, Verdict
    from integrations.telephony.source import CallSource, Progress
    from supportctl.core.call import Call, Rejected
    from supportctl.core.finding import Finding
    from supportctl.core.site import SiteConfig

    OnProgress = Callable[[str, str, Progress], None]

T = TypeVar("T")
DEADLINE_S = 3600.0  # a month of a busy exchange at a slow CRM's rate
_EMPLOYEES_S = 120.0
# With one of these the CRM may have calls that it does not show to us.
HIDES_CALLS = frozenset({"crm.rights-limited", "crm.scope-missing", "crm.rights-missing"})


class SyncRequest(NamedTuple):
    """What to compare. `every_call`: keep what became of each call, for the page that shows them all."""

    lang: str = "en"
    source: str | None = None
    crm: str | None = None
    since: str | None = None
    until: str | None = None
    tolerance_s: float | None = None
    verify_recordings: bool = False
    every_call: bool = False
    deadline_s: float = DEADLINE_S
    config: Path | None = None


class Pair(NamedTuple):
    """The two accounts of a comparison, with what reads them. Nothing was asked yet."""

    config: SiteConfig
    source: Account
    crm: Account
    calls: CallSource
    records: CrmReader
    checks: Checks
    zone: tzinfo | None
    deadline: Deadline


@contextmanager
def run_sync(
    request: SyncRequest,
    *,
    clock: Clock | None = None,
    on_progress: OnProgress | None = None,
) -> Iterator[SyncReport]:
    """Give what a comparison found, or why it could not be made; its gaps are there inside `with` only.

    Raises:
        UsageError: an account that the configuration has not, a time that is none, a file that is unreadable.
    """
    clock = clock or SystemClock()
    started_at, started = clock.now(), clock.monotonic()
    pair = open_pair(request, clock)
    window = parse_window(request.since, request.until, started_at, pair.zone)
    run = SyncRun(request, pair, window, on_progress)
    with ExitStack() as stack:
        try:
            run.compare(stack, started_at)
        except KeyboardInterrupt:
            run.interrupt()
        yield run.report(started_at, clock.monotonic() - started)


def open_pair(request: SyncRequest, clock: Clock) -> Pair:
    """Return the accounts that a request names; where there is only one of a kind it need not be named.

    Raises:
        UsageError: `sync.no-config`, `sync.no-accounts`, `sync.which`, `sync.unknown-account`,
            `sync.cannot-read`.
    """
    config = load_config(request.config)
    if config is None:
        raise UsageError("sync.no-config")
    file = find_config(request.config)
    folder = file.parent if file else None
    source = _account("telephony", "--source", request.source, config.telephony)
    crm = _account("crm", "--crm", request.crm, config.crm)
    for account, kinds in ((source, SOURCES), (crm, READERS)):
        if account.model.kind not in kinds:
            raise UsageError(
                "sync.cannot-read", found=account.name, kind=account.model.kind, known=", ".join(kinds)
            )
    from integrations import registry

    deadline = Deadline.after(request.deadline_s, clock)
    around = surroundings(config, source.name, clock, folder)
    calls = registry.source(source.model, around)
    records = registry.reader(crm.model, surroundings(config, crm.name, clock, folder))
    assert records is not None, "READERS was asked"
    checks = Checks(config, clock, folder, deadline)
    return Pair(config, source, crm, calls, records, checks, around.timezone, deadline)


def _account(section: str, option: str, name: str | None, known: Mapping[str, object]) -> Account:
    if not known:
        raise UsageError("sync.no-accounts", section=section)
    if name is None:
        if len(known) > 1:
            raise UsageError("sync.which", option=option, known=", ".join(known))
        name = next(iter(known))
    if name not in known:
        raise UsageError("sync.unknown-account", found=name, section=section, nearest=nearest(name, known))
    return Account(section, name, known[name])


def nothing(window: Window) -> SyncResult:
    """Return the result of a comparison that was not made."""
    from integrations.sync.model import SyncResult

    return SyncResult(window, 0, 0, 0, (), {}, 0, ())


class SideError(Exception):
    """One of the two accounts failed."""

    def __init__(self, account: Account, error: ServiceError) -> None:
        super().__init__(account.name)
        self.account = account
        self.error = error


def _blaming(account: Account, stream: Iterator[T]) -> Iterator[T]:
    """Yield what a stream yields; an error of it tells whose it was."""
    try:
        yield from stream
    except ServiceError as error:
        raise SideError(account, error) from error


class SyncRun:
    """One comparison: what is found is kept here, whatever fails on the way."""

    def __init__(
        self, request: SyncRequest, pair: Pair, window: Window, on_progress: OnProgress | None
    ) -> None:
        self._request = request
        self._pair = pair
        self._window = window
        self._on_progress = on_progress
        self._result: SyncResult | None = None
        self._complete = True
        self._interrupted = False
        self._problems: list[Finding] = []
        self._employees: Sequence[Employee] = ()
        self._settled: list[Settled] = []

    def report(self, started_at: datetime, duration_s: float) -> SyncReport:
        """Return what was found."""
        pair, people = self._pair, [e for e in self._employees if e.extension]
        catalog = Catalog(self._request.lang)
        return SyncReport(
            Side(pair.source.name, pair.source.model.kind),
            Side(pair.crm.name, pair.crm.model.kind),
            self._result or nothing(self._window),
            started_at.astimezone(pair.zone) if pair.zone else started_at,
            duration_s,
            __version__,
            pair.zone,
            pair.config.site.timezone or "",
            pair.config.site.id,
            pair.config.site.name,
            complete=self._complete and not self._interrupted,
            interrupted=self._interrupted,
            verified=self._request.verify_recordings and self._result is not None,
            problems=tuple(describe(finding, catalog) for finding in self._problems),
            found=tuple(self._problems),
            extensions={e.extension: e.name for e in people},
            dismissed=frozenset(e.extension for e in people if not e.active),
            users={e.id: e.name for e in self._employees},
            settled=tuple(self._settled),
        )

    def tell(self, what: str, name: str) -> Callable[[Progress], None]:
        """Return who is told how far the reading of an account is."""
        on_progress = self._on_progress
        return (lambda done: on_progress(what, name, done)) if on_progress else no_progress

    def fail(self, account: Account, error: ServiceError) -> None:
        """Keep why an account failed; what was read of it is not the whole."""
        self._complete = False
        self._settled.clear()
        self._add(self._pair.checks.trouble(account, error))

    def interrupt(self) -> None:
        """Say nothing of what was read until now."""
        self._result, self._interrupted = None, True
        self._settled.clear()

    def read_employees(self) -> bool:
        """Learn who works there; return whether it makes sense to go on.

        Where only the right to see employees is missing, calls are compared without names, and whose they are
        is not said. A CRM that is out of reach now need not be asked for its calls.
        """
        pair = self._pair
        try:
            self._employees = pair.records.employees(pair.deadline.within(_EMPLOYEES_S))
        except ServiceError as error:
            if error.failure is not Failure.CONFIGURATION:
                self.fail(pair.crm, error)
                return False
            self._add(pair.checks.trouble(pair.crm, error))
        return True

    def compare(self, stack: ExitStack, now: datetime) -> None:
        """Compare the calls of the window with the CRM; what `stack` closes holds the gaps."""
        if not self.read_employees():
            return
        try:
            self._result = self._compared(stack, now)
        except SideError as failed:
            self.fail(failed.account, failed.error)
        self._look_for_hidden_calls()

    def _compared(self, stack: ExitStack, now: datetime) -> SyncResult:
        from integrations.sync.compare import Comparison, reading_window

        settings, request = self._pair.config.sync, self._request
        if request.tolerance_s is not None:
            settings = settings.model_copy(update={"tolerance": request.tolerance_s})
        read = reading_window(self._window, settings)
        comparison = stack.enter_context(
            Comparison(
                self._window,
                settings,
                now,
                employees=self._employees,
                calls_read=read,
                records_read=read,
            )
        )
        comparison.take_calls(self._calls(read))
        comparison.take_records(self._records(read))
        for stretch in comparison.unread():  # the clocks differ: the records lie elsewhere
            comparison.take_records(self._records(stretch), stretch)
        return comparison.result(
            on_settled=self._settled.append if request.every_call else None,
            verify=self._verify if request.verify_recordings else None,
        )

    def _calls(self, read: Window) -> Iterator[Call | Rejected]:
        pair = self._pair
        told = self.tell("source", pair.source.name)
        return _blaming(pair.source, pair.calls.calls(read.since, read.until, pair.deadline, told))

    def _records(self, read: Window) -> Iterator[CrmCall | Rejected]:
        pair = self._pair
        told = self.tell("crm", pair.crm.name)
        return _blaming(pair.crm, pair.records.records(read.since, read.until, pair.deadline, told))

    def _verify(self, recordings: Iterable[Recording]) -> Iterable[Verdict]:
        from supportctl.app.sync_recordings import verified

        pair = self._pair
        told = self.tell("recordings", pair.source.name)
        return verified(recordings, (pair.source, pair.crm), pair.deadline, told)

    def _look_for_hidden_calls(self) -> None:
        """Look at our rights before calls are called missing: a CRM may hide those of others."""
        if self._result is None or "sync.call-missing" not in self._result.counts():
            return
        found = [f for f in self._pair.checks.findings(self._pair.crm) if f.code in HIDES_CALLS]
        if any(f.status is not Status.OK for f in found):
            self._complete = False
            self._add(found)

    def _add(self, found: list[Finding]) -> None:
        """Keep what is not said yet: one cause is one problem, however often it is met."""
        known = {(problem.code, problem.name) for problem in self._problems}
        self._problems += [problem for problem in found if (problem.code, problem.name) not in known]
