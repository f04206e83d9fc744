"""What Poster tells of a café, read strictly. Money is in kopecks (cents), quantities in the good's unit."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from integrations.shop.fields import flag, not_understood, number, objects, text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

_NO_INGREDIENT = "0"
_NO_MODIFICATION = frozenset({"", "0"})


class Spot(NamedTuple):
    """A location and the warehouses that it sells from: id -> name."""

    id: str
    name: str
    storages: Mapping[str, str]


class Sold(NamedTuple):
    """A good in the sales of a location. `cost` is what the sales count with; None where it is not told."""

    product_id: str
    modification_id: str
    name: str
    quantity: float
    payed: float
    cost: float | None = None
    deleted: bool = False


class Product(NamedTuple):
    """A good of the menu. `cost` is None where it is not told; `depends` where it depends on the choice."""

    id: str
    name: str
    cost: float | None
    ingredient_id: str = ""
    depends: bool = False
    modifications: Mapping[str, float | None] = {}


class Supply(NamedTuple):
    """A supply that was booked, or a transfer into a warehouse (`id` is empty)."""

    id: str
    storage_id: str
    at: datetime


def spots_of(answer: object) -> list[Spot]:
    """Return `access.getSpots`."""
    return [
        Spot(
            text(row, "spot_id"),
            text(row, "spot_name", ""),
            {
                text(storage, "storage_id"): text(storage, "storage_name", "")
                for storage in objects(row.get("storages") or [], "storages")
            },
        )
        for row in objects(answer, "access.getSpots")
    ]


def sales_of(answer: object) -> list[Sold]:
    """Return `dash.getProductsSales` of one location."""
    return [_sold(row) for row in objects(answer, "dash.getProductsSales")]


def _sold(row: Mapping[str, Any]) -> Sold:
    name = text(row, "product_name", "")
    modification = text(row, "modification_id", "0")
    if row.get("modificator_name") is not None and modification not in _NO_MODIFICATION:
        name = f"{name} ({text(row, 'modificator_name', '')})"
    payed = number(row, "payed_sum")
    cost = None
    if row.get("product_profit") is not None and row.get("tax_sum") is not None:
        # not documented, but the figures of the documentation's samples agree to the kopeck
        cost = payed - number(row, "tax_sum") - number(row, "product_profit")
    return Sold(
        text(row, "product_id"),
        "" if modification in _NO_MODIFICATION else modification,
        name,
        number(row, "count"),
        payed,
        cost,
        flag(row, "delete", default=False),
    )


def products_of(answer: object) -> dict[str, Product]:
    """Return `menu.getProducts` by id."""
    return {product.id: product for product in map(_product, objects(answer, "menu.getProducts"))}


def _product(row: Mapping[str, Any]) -> Product:
    ingredient = text(row, "ingredient_id", _NO_INGREDIENT)
    modifications = {
        text(item, "modificator_id"): _cost(item, "modificator_selfprice")
        for item in objects(row.get("modifications") or [], "modifications")
    }
    return Product(
        text(row, "product_id"),
        text(row, "product_name", ""),
        _cost(row, "cost"),
        "" if ingredient == _NO_INGREDIENT else ingredient,
        bool(row.get("group_modifications")),
        modifications,
    )


def _cost(row: Mapping[str, Any], name: str) -> float | None:
    value = row.get(name)
    return None if value is None or value == "" else number(row, name)


def supplies_of(answer: object, zone: tzinfo) -> list[Supply]:
    """Return `storage.getSupplies` without those that were deleted."""
    return [
        Supply(text(row, "supply_id"), text(row, "storage_id"), moment(row.get("date"), zone))
        for row in objects(answer, "storage.getSupplies")
        if not flag(row, "delete", default=False)
    ]


def moves_of(answer: object, zone: tzinfo) -> list[Supply]:
    """Return `storage.getMoves` as what came in. Table and sample differ in a name: both are read."""
    found = []
    for row in objects(answer, "storage.getMoves"):
        name = "to_storage" if row.get("to_storage") is not None else "to_storge"
        found.append(Supply("", text(row, name), moment(row.get("date"), zone)))
    return found


def ingredients_of(answer: object) -> frozenset[str]:
    """Return which ingredients a supply has (`storage.getSupplyIngredients`)."""
    return frozenset(text(row, "ingredient_id") for row in objects(answer, "storage.getSupplyIngredients"))


def leftovers_of(answer: object) -> dict[str, float]:
    """Return what is left in one warehouse by ingredient (`storage.getStorageLeftovers`)."""
    return {
        text(row, "ingredient_id"): number(
            row, "storage_ingredient_left", number(row, "ingredient_left", 0.0)
        )
        for row in objects(answer, "storage.getStorageLeftovers")
    }


def moment(value: object, zone: tzinfo) -> datetime:
    """Return a moment; the system writes the account's own time.

    Raises:
        ServiceError: it is none.
    """
    try:
        return datetime.fromisoformat(str(value)[:19]).replace(tzinfo=zone)
    except ValueError:
        raise not_understood("date", value) from None
