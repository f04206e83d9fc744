"""The accounts of the configuration: their surroundings, and their connection checks as ordinary probes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from integrations.checking import Surroundings
from integrations.registry import ADDRESSES, CHECKS, check_class
from probes.registry import INTERNET, ProbeEntry
from supportctl.core.errors import UsageError
from supportctl.core.secrets import is_reference, resolve
from supportctl.core.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from probes.context import ProbeContext
    from supportctl.core.clock import Clock
    from supportctl.core.finding import Finding
    from supportctl.core.site import SiteConfig

SECTIONS = ("telephony", "crm", "shop")
_BUDGET_S = 25.0


class Account(NamedTuple):
    """One entry of `telephony`, `crm` or `shop`. `Any`: each kind has its own model."""

    section: str
    name: str
    model: Any

    @property
    def probe_id(self) -> str:
        """The id of its connection check."""
        return f"{self.section}.{self.model.kind}"


def accounts(config: SiteConfig) -> list[Account]:
    """Return every account, in the order of the sections and of the file."""
    return [
        Account(section, name, model)
        for section in SECTIONS
        for name, model in getattr(config, section, {}).items()
    ]


def surroundings(config: SiteConfig, name: str, clock: Clock, folder: Path | None = None) -> Surroundings:
    """Return what the connector of the account `name` is given; `folder` is where relative paths begin."""
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(config.site.timezone) if config.site.timezone else None
    return Surroundings(name, clock, value_of, zone, config.site.phone_region, folder)


def value_of(secret: str) -> str:
    """Return the value of a secret that may be a reference, or stand in the configuration itself.

    Raises:
        UsageError: nothing is stored where the reference points to.
    """
    from supportctl.core.redaction import remember

    if is_reference(secret):
        return resolve(secret)
    remember(secret)
    return secret


def account_target(account: Account) -> Target:
    """Return the account as a target: its address without the secret parts."""
    kind, model = account.model.kind, account.model
    file = getattr(model, "file", None)
    if file:
        return Target(kind, "file", path=str(file), name=account.name)
    if getattr(model, "database", None):  # its address is a secret
        return Target(kind, "database", account.name, name=account.name)
    address = _address(model) or ADDRESSES.get(account.probe_id, "")
    parts = urlsplit(address)
    if not parts.hostname:
        return Target(kind, "https", account.name, name=account.name)
    return Target(kind, parts.scheme, parts.hostname, parts.port, name=account.name)


def account_entry(
    account: Account, config: SiteConfig, clock: Clock, folder: Path | None
) -> ProbeEntry | None:
    """Return the row of the probe table that asks this account and no other; None if no check is written."""
    if account.probe_id not in CHECKS:
        return None
    target = account_target(account)
    here = target.wire in {"file", "database"}  # a database is mostly in the house
    return ProbeEntry(
        account.probe_id,
        lambda: _AccountProbe(account, config, clock, folder),
        needs=() if here else INTERNET,
        budget_s=_BUDGET_S,
    )


class _AccountProbe:
    """A connection check in the clothes of a probe."""

    def __init__(self, account: Account, config: SiteConfig, clock: Clock, folder: Path | None) -> None:
        self._account = account
        self._check = check_class(account.probe_id)
        self._surroundings = surroundings(config, account.name, clock, folder)
        self.codes = self._check.codes | {"check.account-not-configured"}

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield the findings of the check; a secret that is missing is one, too."""
        try:
            check = self._check(self._account.model, self._surroundings)
            yield from check.run(context)
        except UsageError as error:
            found = error.args_by_name.get("found", error.key)
            yield context.unknown("check.account-not-configured", account=self._account.name, found=found)


def _address(model: Any) -> str:  # noqa: ANN401  each kind has its own model
    address = getattr(model, "url", None) or ""
    if not is_reference(address):
        return str(address)
    try:
        return resolve(address)
    except UsageError:
        return ""  # the check itself says so
