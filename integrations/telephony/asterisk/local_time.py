"""The times that an exchange writes without a zone, made moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import tzinfo

OLDEST = 1990
NEWEST = 2199
_HOURS = 100_000  # remembered; eleven years


class LocalTime:
    """One zone; None is that of this computer.

    Moments carry a fixed offset: two moments of one ZoneInfo would be compared by the hands of the clock, in
    autumn wrongly.
    """

    def __init__(self, zone: tzinfo | None) -> None:
        self.zone = zone
        self._hours: dict[tuple[int, int, int, int], timezone | None] = {}

    def moment(self, naive: datetime, near: int | None = None) -> datetime:
        """Return what an exchange's clock showed as a moment.

        In autumn an hour comes twice; `near` is a second since 1970 which tells the two apart.

        Raises:
            ValueError: no call was made then.
        """
        hour = (naive.year, naive.month, naive.day, naive.hour)
        try:
            offset = self._hours[hour]
        except KeyError:
            offset = self._offset_of(naive)
            if len(self._hours) >= _HOURS:
                self._hours.clear()
            self._hours[hour] = offset
        if offset is not None:
            return naive.replace(tzinfo=offset)
        first, second = self._aware(naive, 0), self._aware(naive, 1)
        if near is None or first == second:
            return first
        return min(first, second, key=lambda moment: abs(moment.timestamp() - near))

    def shown(self, moment: datetime) -> datetime:
        """Return a moment as the exchange's own clock shows it, with its offset."""
        local = moment.astimezone(self.zone)
        return local.replace(tzinfo=timezone(local.utcoffset() or timedelta(0)), fold=0)

    def text(self, moment: datetime) -> str:
        """Return a moment as the exchange writes it."""
        return f"{self.shown(moment):%Y-%m-%d %H:%M:%S}"

    def _offset_of(self, naive: datetime) -> timezone | None:
        """Return the offset of the hour, None for an hour in which the clock is changed."""
        if not OLDEST <= naive.year <= NEWEST:
            raise ValueError("out of range")
        ends = (naive.replace(minute=0, second=0), naive.replace(minute=59, second=59))
        offsets = {self._aware(end, fold).utcoffset() for end in ends for fold in (0, 1)}
        offset = offsets.pop()
        return timezone(offset) if offset is not None and not offsets else None

    def _aware(self, naive: datetime, fold: int) -> datetime:
        try:
            local = naive.replace(tzinfo=self.zone, fold=fold).astimezone(UTC)
        except (OverflowError, OSError) as error:
            raise ValueError(str(error)) from None
        return self.shown(local)
