"""The desk at which resend is worked: configuration in, ledger and lanes out."""

from __future__ import annotations

import os
import platform
import random  # noqa: TID251  chance is handed in from here
from typing import TYPE_CHECKING

from resend.lane import Lane
from resend.ledger.store import Store
from resend.observed import Observed
from resend.policy import Schedule
from supportctl.app.accounts import surroundings
from supportctl.app.resend_counter import Counter, loaded, store_url
from supportctl.core.clock import Clock, SystemClock
from supportctl.core.errors import UsageError
from supportctl.core.nearest import nearest

if TYPE_CHECKING:
    from pathlib import Path

    from resend.observed import Observer
    from supportctl.core.site import SiteConfig


class Desk(Counter):
    """The ledger of a configuration and the lanes of its CRM accounts, inside `with`."""

    def __init__(self, config: SiteConfig, folder: Path | None, clock: Clock) -> None:
        """Open the ledger.

        Raises:
            UsageError: `ledger.newer`; SupportctlError: `ledger.unusable`.
        """
        self.store = Store(store_url(config, folder), clock)
        super().__init__(config, clock, self.store)
        self._folder = folder
        settings = config.resend
        self.schedule = Schedule(settings.horizon, settings.first_delay, settings.max_delay, settings.settle)
        self._chance = random.SystemRandom().random
        self.holder = f"{platform.node()}:{os.getpid()}"
        self.observer: Observer | None = None  # of the requests of lanes opened from then on

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


def open_desk(path: Path | None, clock: Clock | None = None) -> Desk:
    """Return the desk of a configuration.

    Raises:
        UsageError: `resend.no-config`, or what is wrong with the file.
    """
    config, folder = loaded(path)
    return Desk(config, folder, clock or SystemClock())
