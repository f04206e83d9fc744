"""Two cafés in Poster and the last weeks of their sales and supplies.

With troubles: nobody books the supplies of the second one, and two of its goods have no cost.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from integrations.lab.poster.books import DISH, Sold

if TYPE_CHECKING:
    from datetime import datetime

    from integrations.lab.poster.books import Books

_DAYS = 20
_EVERY = 4  # days between two supplies


def plant_cafes(books: Books, now: datetime, *, troubles: bool) -> None:
    """Put the cafés into an account."""
    bar, kitchen = books.plant_storage("Бар на Ленина"), books.plant_storage("Склад в парке")
    cafes = {
        bar: books.plant_spot("Кафе на Ленина", [bar]),
        kitchen: books.plant_spot("Кафе в парке", [kitchen]),
    }
    goods = [books.plant_product(f"Напиток {number}", cost=3_000 + 100 * number) for number in range(1, 7)]
    costless = 0 if troubles else 9_000
    doubtful = [books.plant_product(name, costless, DISH) for name in ("Борщ", "Сырники")]
    for day in range(_DAYS, -1, -1):
        at = now - timedelta(days=day)
        for storage, spot in cafes.items():
            forgotten = troubles and storage == kitchen and day < _DAYS
            if day % _EVERY == 0 and not forgotten:
                books.plant_supply(storage, at - timedelta(hours=1), dict.fromkeys(goods, 20.0))
            dishes = doubtful if storage == kitchen else []
            books.plant_sale(spot, at, *(Sold(good, 3, 45_000) for good in [*goods, *dishes]))
