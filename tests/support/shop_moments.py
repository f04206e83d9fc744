"""When and where the tests' shop is."""

from datetime import datetime
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Yekaterinburg")  # two hours ahead of Moscow: a mix-up shows
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=ZONE)
