"""The values that the files of a playbook and of its tests are made of, and the strictness of their parts."""

from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

MAX_CONDITION = 500  # characters


def _condition(value: str) -> str:
    if not value.strip() or len(value) > MAX_CONDITION:
        details = {"size": len(value), "limit": MAX_CONDITION}
        raise PydanticCustomError("playbook.condition-size", "condition", details)
    return value.strip()


def _day(value: object) -> date:
    if isinstance(value, date):
        return value
    try:
        return datetime.strptime(str(value), "%Y-%m-%d").date()  # noqa: DTZ007  a day has no zone
    except ValueError:
        raise PydanticCustomError("playbook.bad-day", "day", {"found": str(value)}) from None


Day = Annotated[date, BeforeValidator(_day)]  # 2027-03-31
Condition = Annotated[str, AfterValidator(_condition), Field(description="A condition in CEL.")]
Glob = Annotated[str, Field(pattern=r"^[a-z0-9.*?\[\]-]+$", max_length=80)]
Code = Annotated[str, Field(pattern=r"^[a-z0-9-]+\.[a-z0-9-]+$", max_length=80)]
StepId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)]


class Part(BaseModel):
    """Strict: a key that is not known is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
