"""Sample codes of goods: every form of marking code, with GTINs whose check digits are right."""

from __future__ import annotations

import pytest

GS = "\x1d"
HEAD = "0104601234567893" + "21"
CODES = {
    "milk": f"{HEAD}5abcDE{GS}93dGVz",
    "beer": f"{HEAD}5abcDEf{GS}93dGVz",
    "water": f"{HEAD}5G+mgsHw<DiLN{GS}93dGVz",
    "photo": f"{HEAD}5G+mgsHw<DiLN1234567{GS}93dGVz",
    "clothes": f"{HEAD}5G+mgsHw<DiLN{GS}91EE05{GS}92{'kT7/aQ+' * 6}0=",
    "petfood": f"{HEAD}5abcDE{GS}91EE05{GS}92{'kT7/aQ+' * 6}0=",
    "radio": f"{HEAD}5G+mgsHw<DiLN1234567{GS}91EE05{GS}92{'kT7/aQ+' * 6}0=",
    "shoes": f"{HEAD}5G+mgsHw<DiLN{GS}91EE05{GS}92{'kT7/aQ+' * 12}Yz0=",
}
# with GS / with GS lost: the table of the reference, section 7
LENGTHS = {
    "milk": (31, 30), "beer": (32, 31), "water": (38, 37), "photo": (45, 44), "clothes": (85, 83),
    "petfood": (78, 76), "radio": (92, 90), "shoes": (129, 127),
}  # fmt: skip
TOBACCO = "04601234567893K6cN4-NAAAAdG7g"


@pytest.fixture(params=sorted(CODES))
def code(request: pytest.FixtureRequest) -> str:
    """Each form of marking code."""
    return CODES[request.param]


@pytest.fixture
def samples() -> dict[str, str]:
    return CODES


@pytest.fixture
def lengths() -> dict[str, tuple[int, int]]:
    return LENGTHS


@pytest.fixture
def tobacco() -> str:
    return TOBACCO
