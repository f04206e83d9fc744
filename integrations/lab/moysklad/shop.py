"""A small shop in MoySklad: two points of sale, their warehouses, and the documents of the last days.

With troubles: the second point sells from the empty one of two warehouses with the same name, a cashier
changed and deleted receipts in the night, and a supply of last week was changed yesterday.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from integrations.lab.moysklad.planting import Planting

CASHIER, STOREKEEPER = "anna@lab", "oleg@lab"
GOODS = ("Чай чёрный", "Кофе в зёрнах", "Сахар", "Печенье", "Вода 0,5", "Шоколад", "Мёд", "Сок яблочный")
_DAY = timedelta(days=1)


def plant_shop(portal: Planting, now: datetime, zone: tzinfo, *, troubles: bool) -> None:
    """Put the shop into an account; the night is the last one that has ended, by the clock of `zone`."""
    portal.plant_user(CASHIER, "Анна Кузнецова", role="cashier")
    portal.plant_user(STOREKEEPER, "Олег Панов", role="worker")
    central = portal.plant_store("Центральный склад")
    first = portal.plant_store("Магазин на Ленина", central)
    second = portal.plant_store("Основной склад")
    twin = portal.plant_store("Основной склад")
    portal.plant_point("Касса на Ленина", first)
    portal.plant_point("Касса в парке", twin if troubles else second)
    for number, name in enumerate(GOODS):
        sold = {twin: -float(number)} if troubles else {}
        portal.plant_goods(name, {central: 40.0, first: 5.0, second: 12.0, **sold})
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    receipts = [
        portal.plant_document(
            "retaildemand", midnight - timedelta(hours=4, minutes=number), 45_000.0 + number
        )
        for number in range(6)
    ]
    supply = portal.plant_document("supply", midnight - 8 * _DAY, 1_250_000.0)
    fresh = portal.plant_document("supply", midnight - timedelta(hours=12), 310_000.0)
    portal.plant_edit("supply", fresh, midnight - timedelta(hours=10), STOREKEEPER, sum=312_000.0)
    portal.plant_edit("supply", fresh, midnight - timedelta(hours=1), STOREKEEPER, "remap-1.2", sum=312_500.0)
    if not troubles:
        return
    portal.plant_edit("retaildemand", receipts[0], midnight - timedelta(minutes=20), CASHIER, sum=5_000.0)
    portal.plant_removal("retaildemand", receipts[1], midnight - timedelta(minutes=15), CASHIER)
    portal.plant_edit("supply", supply, midnight - timedelta(hours=9), STOREKEEPER, sum=1_400_000.0)
