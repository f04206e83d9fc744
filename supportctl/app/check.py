"""A check: targets in, report out. Plugs configuration, probes, links, clock and texts together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from probes.context import ProbeContext, ProbeSettings
from probes.links import open_link
from probes.registry import ProbeEntry, entries, plan
from probes.runner import Job, Runner, RunResult
from supportctl import __version__
from supportctl.app.selection import Selection
from supportctl.app.targets import resolve_target
from supportctl.catalog import Catalog
from supportctl.catalog.compose import compose
from supportctl.catalog.loader import add_texts
from supportctl.core.clock import Clock, SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.errors import UsageError
from supportctl.core.secrets import resolve
from supportctl.core.target import THIS_COMPUTER, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import tzinfo
    from pathlib import Path

    from supportctl.app.accounts import Account
    from supportctl.core.finding import Finding
    from supportctl.core.report import Report
    from supportctl.core.site import SiteConfig

DEFAULT_DEADLINE_S = 30.0


class CheckRequest(NamedTuple):
    """What to check. No targets: this computer, its network, and all that the configuration names.

    `deadline_s` bounds the whole run, in seconds.
    """

    lang: str = "en"
    targets: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    deadline_s: float = DEFAULT_DEADLINE_S
    config: Path | None = None


class Looked(NamedTuple):
    """What a check found, in the order of its jobs, and how long that took."""

    findings: tuple[Finding, ...]
    duration_s: float
    interrupted: bool
    timezone: tzinfo | None


def run_check(
    request: CheckRequest,
    *,
    clock: Clock | None = None,
    on_change: Callable[[Sequence[Job]], None] | None = None,
) -> Report:
    """Return the report of one run.

    Raises:
        UsageError: a target that is no URL and no configured name, a configuration that cannot be read, or
            filters that leave nothing to ask.
    """
    clock = clock or SystemClock()
    config, catalog, started_at = _config(request), Catalog(request.lang), clock.now()
    looked = look(request, config, catalog, clock, on_change)
    return compose(
        looked.findings,
        catalog,
        tool_version=__version__,
        started_at=started_at.astimezone(looked.timezone) if looked.timezone else started_at,
        duration_s=looked.duration_s,
        interrupted=looked.interrupted,
        site=config.site.id if config else None,
        site_name=config.site.name if config else None,
    )


def look(
    request: CheckRequest,
    config: SiteConfig | None,
    catalog: Catalog,
    clock: Clock,
    on_change: Callable[[Sequence[Job]], None] | None = None,
) -> Looked:
    """Return what one run found, before it is put into words; `request.config` says where files lie.

    Raises:
        UsageError: as `run_check`.
    """
    deadline = Deadline.after(request.deadline_s, clock)
    jobs = _jobs(request, config, catalog, clock)
    result = Runner(open_link, clock, on_change).run(jobs, deadline)
    found = _selected(request, result, jobs, catalog)
    return Looked(tuple(found), result.duration_s, result.interrupted, jobs[0].settings.timezone)


def _config(request: CheckRequest) -> SiteConfig | None:
    from supportctl.app.config_file import load_config

    return load_config(request.config)


def _jobs(request: CheckRequest, config: SiteConfig | None, catalog: Catalog, clock: Clock) -> list[Job]:
    selection = Selection(request.only, request.skip, catalog)
    asked = _asked_accounts(request, config)
    words = [word for word in request.targets if word not in {account.name for account in asked}]
    targets = [resolve_target(word, config) for word in words]
    if not request.targets:
        targets = [THIS_COMPUTER, *_configured(config)] if config else [THIS_COMPUTER, *_discovered()]
    probes = entries()
    for folder in {entry.texts for entry in probes if entry.texts}:
        add_texts(folder)
    rows = [*plan(probes, targets), *_account_rows(asked, request, config, clock)]
    rows += _ledger_rows(request, config, clock)
    unasked = [target for target in targets if not any(row_target is target for _, row_target in rows)]
    if unasked and not rows:
        raise UsageError("check.no-probe", found=unasked[0].url, protocol=unasked[0].protocol or "-")
    jobs = [
        Job(entry, target.with_secrets(resolve), _settings(config, target))
        for entry, target in (*rows, *((_NOBODY, target) for target in unasked))
        if selection.wants(entry, target)
    ]
    if not jobs:
        raise UsageError("check.nothing-to-ask", found=" ".join((*request.only, *request.skip)) or "-")
    return jobs


def _asked_accounts(request: CheckRequest, config: SiteConfig | None) -> list[Account]:
    """Return the accounts that are asked: those that are named, all of them where nothing is."""
    if config is None:
        return []
    from supportctl.app.accounts import accounts

    devices = {entry.name for entry in config.targets}
    named = set(request.targets) - devices  # a device's name goes before an account's
    return [account for account in accounts(config) if not request.targets or account.name in named]


def _account_rows(
    asked: Sequence[Account], request: CheckRequest, config: SiteConfig | None, clock: Clock
) -> list[tuple[ProbeEntry, Target]]:
    if not asked or config is None:
        return []
    from supportctl.app.accounts import account_entry, account_target
    from supportctl.app.config_file import find_config

    file = find_config(request.config)
    folder = file.parent if file else None
    return [
        (account_entry(account, config, clock, folder) or _NOBODY, account_target(account))
        for account in asked
    ]


def _ledger_rows(
    request: CheckRequest, config: SiteConfig | None, clock: Clock
) -> list[tuple[ProbeEntry, Target]]:
    """Return the row that asks the ledger of calls, if there are accounts to bring calls to, and a ledger."""
    if config is None or request.targets or not config.crm:
        return []
    from supportctl.app.config_file import find_config
    from supportctl.app.ledger_check import has_ledger, ledger_entry, ledger_target

    file = find_config(request.config)
    folder = file.parent if file else None
    if not has_ledger(config, folder):
        return []
    return [(ledger_entry(config, folder, clock), ledger_target(config))]


class _Nobody:
    """Stands in for a probe that nobody has written yet: the target is told as not asked, never left out."""

    codes = frozenset({"check.no-probe"})

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        yield context.unknown("check.no-probe", protocol=context.target.protocol or context.target.wire)


_NOBODY = ProbeEntry("check.no-probe", _Nobody)


def _selected(
    request: CheckRequest, result: RunResult, jobs: Sequence[Job], catalog: Catalog
) -> list[Finding]:
    if not request.only and not request.skip:
        return list(result.findings)
    return Selection(request.only, request.skip, catalog).findings(result.findings, jobs)


def _configured(config: SiteConfig | None) -> list[Target]:
    return [entry.target() for entry in config.targets] if config else []


def _discovered() -> list[Target]:
    from supportctl.app.discover import discover_targets

    return discover_targets()


def _settings(config: SiteConfig | None, target: Target) -> ProbeSettings:
    if config is None:
        return ProbeSettings()
    from supportctl.app.probe_settings import probe_settings

    return probe_settings(config, target)
