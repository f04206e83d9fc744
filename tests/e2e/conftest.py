"""What several of these tests stand on."""

from __future__ import annotations

import pytest
from resend_shop import PAIR, Shop

from integrations.lab.house import PortalHouse


@pytest.fixture
def shop(supportctl, tmp_path):
    with PortalHouse(PAIR, day="gaps") as house:
        yield Shop(supportctl, house, tmp_path)
