"""What an account of Poster keeps, and how the lab's days are put into it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo

PRODUCT, DISH = "3", "2"


class Sold(NamedTuple):
    """A good in a receipt: pieces, and money in kopecks."""

    product: str
    quantity: float
    payed: int


class Sale(NamedTuple):
    """A closed receipt."""

    id: str
    spot: str
    at: datetime
    lines: tuple[Sold, ...]


class Books:
    """Locations, warehouses, goods, sales, supplies and transfers of one account."""

    def __init__(self, zone: tzinfo = UTC) -> None:
        self.zone = zone
        self.spots: dict[str, dict[str, Any]] = {}
        self.storages: dict[str, dict[str, Any]] = {}
        self.products: dict[str, dict[str, Any]] = {}
        self.sales: dict[str, Sale] = {}
        self.supplies: dict[str, dict[str, Any]] = {}
        self.moves: dict[str, dict[str, Any]] = {}
        self.left: dict[tuple[str, str], float] = {}  # warehouse, ingredient -> quantity
        self.days: dict[tuple[date, str], dict[str, list[float]]] = {}  # day, spot -> good -> count, payed

    def plant_storage(self, name: str) -> str:
        """Add a warehouse; return its id."""
        id_ = str(len(self.storages) + 1)
        self.storages[id_] = {"storage_id": id_, "storage_name": name, "storage_adress": "", "delete": "0"}
        return id_

    def plant_spot(self, name: str, storages: Sequence[str]) -> str:
        """Add a location that sells from warehouses; return its id."""
        id_ = str(len(self.spots) + 1)
        self.spots[id_] = {"spot_id": id_, "spot_name": name, "spot_adress": "", "_storages": tuple(storages)}
        return id_

    def plant_product(self, name: str, cost: int = 0, type_: str = PRODUCT, **fields: Any) -> str:
        """Add a good with its cost in kopecks; return its id. Its ingredient has the id 1000 + that."""
        id_ = str(len(self.products) + 1)
        ingredient = str(1000 + int(id_)) if type_ == PRODUCT else "0"
        self.products[id_] = {
            "product_id": id_, "product_name": name, "cost": str(cost), "type": type_, "unit": "p",
            "ingredient_id": ingredient, "menu_category_id": "1", "hidden": "0", **fields,
        }  # fmt: skip
        return id_

    def plant_sale(self, spot: str, at: datetime, *lines: Sold) -> str:
        """Add a receipt; what is sold leaves the first warehouse of the location."""
        id_ = str(len(self.sales) + 1)
        self.sales[id_] = Sale(id_, spot, at, lines)
        day = self.days.setdefault((at.astimezone(self.zone).date(), spot), {})
        for line in lines:
            sums = day.setdefault(line.product, [0.0, 0.0])
            sums[0] += line.quantity
            sums[1] += line.payed
            self._put(self.spots[spot]["_storages"][0], line.product, -line.quantity)
        return id_

    def plant_supply(
        self, storage: str, at: datetime, goods: Mapping[str, float], *, deleted: bool = False
    ) -> str:
        """Add a supply of goods; return its id."""
        id_ = str(len(self.supplies) + 1)
        self.supplies[id_] = {"storage": storage, "at": at, "goods": dict(goods), "deleted": deleted}
        for product, count in goods.items():
            self._put(storage, product, 0.0 if deleted else count)
        return id_

    def plant_move(self, source: str, target: str, at: datetime) -> str:
        """Add a transfer; return its id."""
        id_ = str(len(self.moves) + 1)
        self.moves[id_] = {"from": source, "to": target, "at": at}
        return id_

    def _put(self, storage: str, product: str, count: float) -> None:
        ingredient = self.products[product]["ingredient_id"]
        if ingredient != "0":
            self.left[storage, ingredient] = self.left.get((storage, ingredient), 0.0) + count
