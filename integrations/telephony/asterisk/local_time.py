"""The times that an exchange writes without a zone, made moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import tzinfo

OLDEST = datetime(1990, 1, 1, tzinfo=UTC)
NEWEST = datetime(2200, 1, 1, tzinfo=UTC)


class LocalTime:
    """One zone; None is that of this computer."""

    def __init__(self, zone: tzinfo | None) -> None:
        self.zone = zone

    def utc(self, naive: datetime, near: int | None = None) -> datetime:
        """Return a moment in UTC.

        In autumn an hour comes twice; `near` is a second since 1970 which tells the two apart.

        Raises:
            ValueError: no calendar has it.
        """
        first = self._utc(naive)
        if near is not None and not naive.fold:
            second = self._utc(naive.replace(fold=1))
            if second != first:
                return min(first, second, key=lambda moment: abs(moment.timestamp() - near))
        return first

    def shown(self, moment: datetime) -> datetime:
        """Return a moment as the exchange's own clock shows it, with its offset.

        A fixed offset: two moments of one ZoneInfo are compared by the clock's hands, in autumn wrongly.
        """
        local = moment.astimezone(self.zone)
        return local.replace(tzinfo=timezone(local.utcoffset() or timedelta(0)), fold=0)

    def text(self, moment: datetime) -> str:
        """Return a moment as the exchange writes it."""
        return f"{self.shown(moment):%Y-%m-%d %H:%M:%S}"

    def _utc(self, naive: datetime) -> datetime:
        try:
            moment = (naive.replace(tzinfo=self.zone) if self.zone else naive).astimezone(UTC)
        except (OverflowError, OSError) as error:
            raise ValueError(str(error)) from None
        if not OLDEST <= moment < NEWEST:
            raise ValueError("out of range")
        return moment
