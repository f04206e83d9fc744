"""The shop systems that a configuration names (`shop:`): where goods, warehouses and documents are kept."""

import re
from collections.abc import Mapping
from datetime import time
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from supportctl.core.accounts import Strict
from supportctl.core.fields import Duration, Secret, WebAddress

_HOURS = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*[-–]\s*([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_HOURS_SCHEMA = {"type": "string", "pattern": r"^\d{1,2}:\d\d-\d{1,2}:\d\d$", "examples": ["23:00-06:00"]}


class Hours(NamedTuple):
    """A part of every day, past midnight where `end` is before `begin`."""

    begin: time
    end: time

    def have(self, moment: time) -> bool:
        """Return whether the time of day lies in it; `end` itself does not."""
        if self.begin <= self.end:
            return self.begin <= moment < self.end
        return moment >= self.begin or moment < self.end

    def __str__(self) -> str:
        return f"{self.begin:%H:%M}-{self.end:%H:%M}"


def _hours(value: object) -> Hours:
    if isinstance(value, Hours):
        return value
    match = _HOURS.fullmatch(str(value).strip())
    found = Hours(time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4]))) if match else None
    if found is None or found.begin == found.end:
        raise PydanticCustomError("config.bad-hours", "hours", {"found": str(value)})
    return found


NightHours = Annotated[
    Hours, BeforeValidator(_hours), PlainSerializer(str, return_type=str), WithJsonSchema(_HOURS_SCHEMA)
]


class _ShopAccount(Strict):
    url: WebAddress | None = Field(default=None, description="Base address, where it is not the public one.")


class MoySkladStock(_ShopAccount):
    """MoySklad: warehouses, points of sale, documents and who changed them."""

    kind: Literal["moysklad"]
    token: Secret | None = Field(default=None, description="Access token of the JSON API.")
    login: str | None = Field(default=None, description="Login, where there is no token: name@account.")
    password: Secret | None = Field(default=None, description="Password of that login.")
    token_of: Literal["user", "solution", "draft"] = Field(
        default="user", description="Whose token it is: requests of a user weigh more than of a solution."
    )
    look_back: Duration = Field(default=7 * 86400.0, description="How far back documents are looked at.")
    night: NightHours = Field(
        default=Hours(time(23), time(6)), description="Hours in which nobody is expected to edit documents."
    )
    late_edit_after: Duration = Field(
        default=86400.0, description="An edit so long after the document's own time is told."
    )
    watch_roles: tuple[str, ...] = Field(
        default=(),
        description="Tell of these roles only: admin, cashier, worker, individual.",
    )
    ignore_users: tuple[str, ...] = Field(default=(), description="Logins or names that are not told of.")
    stores: Mapping[str, str] = Field(
        default_factory=dict, description="Point of sale -> the warehouse that it must be linked to."
    )
    supply_stores: tuple[str, ...] = Field(
        default=(), description="Warehouses that points are supplied from by transfers: no mismatch."
    )
    mismatch_products: int = Field(
        default=3, ge=1, le=10**6, description="So many goods must lie elsewhere before it is told."
    )
    mismatch_share: float = Field(
        default=0.5, ge=0, le=1, description="… and this part of all goods that lie there."
    )

    @model_validator(mode="after")
    def _one_way_to_sign_in(self) -> Self:
        by_login = self.login is not None and self.password is not None
        half = (self.login is None) != (self.password is None)
        if half or by_login == (self.token is not None):
            raise PydanticCustomError("config.token-or-login", "sign-in")
        return self


class PosterStock(_ShopAccount):
    """Poster: sales, supplies, leftovers and cost."""

    kind: Literal["poster"]
    token: Secret = Field(description="Token of a personal integration: ACCOUNT:HASH.")
    no_supplies_days: int = Field(
        default=14, ge=1, le=365, description="So many days of sales without a supply are told."
    )
    ignore_products: tuple[str, ...] = Field(
        default=(), description="Goods that need neither supply nor cost: bags, delivery."
    )
    ignore_spots: tuple[str, ...] = Field(default=(), description="Locations that are not looked at.")
    no_supplies_products: int = Field(
        default=3, ge=1, le=10**6, description="So many goods below zero without a supply are told."
    )


Shop = Annotated[MoySkladStock | PosterStock, Field(discriminator="kind")]
