"""A portal for each test; no limit unless a test wants it."""

from __future__ import annotations

import pytest
from bitrix24_lab import Lab


@pytest.fixture
def lab():
    """Return a portal without a limit."""
    return Lab(rate=0)
