"""The desk at which resend is worked: configuration in, ledger and lanes out."""

from __future__ import annotations

import os
import platform
import random  # noqa: TID251  chance is handed in from here
from datetime import UTC
from typing import TYPE_CHECKING, Self

from integrations.registry import DESTINATIONS
from resend.lane import Lane
from resend.ledger.store import Store
from resend.observed import Observed
from resend.policy import Schedule
from supportctl.app.accounts import surroundings, value_of
from supportctl.app.config_file import find_config, load_config
from supportctl.core.clock import Clock, SystemClock
from supportctl.core.errors import UsageError
from supportctl.core.nearest import nearest

if TYPE_CHECKING:
    from datetime import tzinfo
    from pathlib import Path

    from resend.observed import Observer
    from supportctl.core.site import SiteConfig

_SQLITE = "sqlite:///"


class Desk:
    """The ledger of a configuration and the lanes of its CRM accounts, inside `with`."""

    def __init__(self, config: SiteConfig, folder: Path | None, clock: Clock) -> None:
        """Open the ledger.

        Raises:
            UsageError: `ledger.newer`; SupportctlError: `ledger.unusable`.
        """
        self.config = config
        self.clock = clock
        self._folder = folder
        self.store = Store(_store_url(config, folder), clock)
        settings = config.resend
        self.schedule = Schedule(settings.horizon, settings.first_delay, settings.max_delay, settings.settle)
        self._chance = random.SystemRandom().random
        self.holder = f"{platform.node()}:{os.getpid()}"
        self.observer: Observer | None = None  # of the requests of lanes opened from then on

    @property
    def zone(self) -> tzinfo:
        """The shop's zone, else that of this computer."""
        name = self.config.site.timezone
        if name:
            from zoneinfo import ZoneInfo

            return ZoneInfo(name)
        return self.clock.now().tzinfo or UTC

    @property
    def destinations(self) -> tuple[str, ...]:
        """The CRM accounts that calls can be brought to."""
        return tuple(name for name, model in self.config.crm.items() if model.kind in DESTINATIONS)

    def check_destination(self, name: str) -> str:
        """Return the name of a destination.

        Raises:
            UsageError: `resend.unknown-destination`.
        """
        if name not in self.destinations:
            raise UsageError(
                "resend.unknown-destination", found=name, nearest=nearest(name, self.destinations)
            )
        return name

    def lane(self, name: str) -> Lane | None:
        """Return the lane of a destination, None if the configuration has no such account (any more)."""
        from integrations.registry import destination

        if name not in self.destinations:
            return None
        around = surroundings(self.config, name, self.clock, self._folder)
        crm = Observed(name, destination(self.config.crm[name], around), self.clock, self.observer)
        return Lane(self.store, name, crm, schedule=self.schedule, chance=self._chance, holder=self.holder)

    def __enter__(self) -> Self:
        """Return the desk."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the ledger."""
        self.store.close()


def open_desk(path: Path | None, clock: Clock | None = None) -> Desk:
    """Return the desk of a configuration.

    Raises:
        UsageError: `resend.no-config`, or what is wrong with the file.
    """
    config, folder = _loaded(path)
    return Desk(config, folder, clock or SystemClock())


def store_file(path: Path | None) -> Path | None:
    """Return the file of a configuration's ledger, None if it is kept by a server.

    Raises:
        UsageError: as `open_desk`.
    """
    from pathlib import Path as AnyPath

    config, folder = _loaded(path)
    url = _store_url(config, folder)
    return AnyPath(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else None


def _loaded(path: Path | None) -> tuple[SiteConfig, Path | None]:
    config = load_config(path)
    if config is None:
        raise UsageError("resend.no-config")
    file = find_config(path)
    return config, file.parent if file else None


def _store_url(config: SiteConfig, folder: Path | None) -> str:
    """Return the address of the ledger; a relative path is meant from the configuration's folder."""
    url = value_of(config.store) if config.store.startswith("secret://") else config.store
    path = url.removeprefix(_SQLITE)
    if url.startswith(_SQLITE) and path and not path.startswith("/") and path != ":memory:" and folder:
        return f"{_SQLITE}{folder.absolute() / path}"
    if url.startswith("postgresql://"):
        return f"postgresql+psycopg://{url.partition('://')[2]}"
    return url
