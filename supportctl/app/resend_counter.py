"""The counter at which resend is only looked at: configuration in, a ledger to read out. It opens fast."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Self

from integrations.registry import DESTINATIONS
from resend.ledger.reading import reader_of
from supportctl.app.config_file import find_config, load_config
from supportctl.core.clock import Clock, SystemClock
from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from datetime import tzinfo
    from pathlib import Path

    from resend.ledger.reading import Source
    from supportctl.core.site import SiteConfig

_SQLITE = "sqlite:///"


class Counter:
    """A configuration and its ledger to read, inside `with`."""

    def __init__(self, config: SiteConfig, clock: Clock, source: Source) -> None:
        self.config = config
        self.clock = clock
        self.source = source

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

    def __enter__(self) -> Self:
        """Return the counter."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the ledger."""
        self.source.close()


def open_counter(path: Path | None, clock: Clock | None = None) -> Counter:
    """Return a configuration and its ledger to read.

    Raises:
        UsageError: `resend.no-config`, what is wrong with the file, or as `Store`; LedgerError: as `Store`.
    """
    config, folder = loaded(path)
    url, clock = store_url(config, folder), clock or SystemClock()
    return Counter(config, clock, reader_of(url) or _store(url, clock))


def _store(url: str, clock: Clock) -> Source:
    from resend.ledger.store import Store

    return Store(url, clock)


def store_file(path: Path | None) -> Path | None:
    """Return the file of a configuration's ledger, None if it is kept by a server.

    Raises:
        UsageError: as `open_counter`.
    """
    from pathlib import Path as AnyPath

    config, folder = loaded(path)
    url = store_url(config, folder)
    return AnyPath(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else None


def loaded(path: Path | None) -> tuple[SiteConfig, Path | None]:
    """Return a configuration and the folder of its file.

    Raises:
        UsageError: `resend.no-config`, or what is wrong with the file.
    """
    config = load_config(path)
    if config is None:
        raise UsageError("resend.no-config")
    file = find_config(path)
    return config, file.parent if file else None


def store_url(config: SiteConfig, folder: Path | None) -> str:
    """Return the address of the ledger; a relative path is meant from the configuration's folder."""
    url = _value_of(config.store)
    path = url.removeprefix(_SQLITE)
    if url.startswith(_SQLITE) and path and not path.startswith("/") and path != ":memory:" and folder:
        return f"{_SQLITE}{folder.absolute() / path}"
    if url.startswith("postgresql://"):
        return f"postgresql+psycopg://{url.partition('://')[2]}"
    return url


def _value_of(store: str) -> str:
    if not store.startswith("secret://"):
        return store
    from supportctl.app.accounts import value_of

    return value_of(store)
