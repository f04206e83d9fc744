"""The window that nobody can close: a worker stands still between its last look at the time and its POST."""

from __future__ import annotations

import pytest
from pretended_ledgers import SqlLedger
from pretended_portals import Wire
from simulation import NOW, Size, World

from supportctl.core.call import Call


@pytest.mark.parametrize(
    ("seconds", "copies"),
    [
        (100, 1),  # its lease is still its own
        (260, 1),  # somebody else has the lane, and has not asked yet
        (320, 1),  # they have asked; before they send, they ask once more
        (3600, 2),  # they have sent: docs/guarantees.md, "What is not promised"
    ],
)
def test_a_request_that_leaves_late_is_seen_unless_it_is_very_late(monkeypatch, seconds, copies):
    world = World(1, Size(days=0, lanes=1, deaths_a_day=0, jumps=0, webhooks=0), SqlLedger)
    call = Call("c1", "pbx", "in", NOW, 60, "+79990000001", answered=True, employee="101")
    real, stood = Wire.request, []

    def late(self, method, url, *, data, **more):
        if b"register" in data and not stood:
            stood.append(self.worker)
            world.stand_still(self.worker, seconds)
        return real(self, method, url, data=data, **more)

    monkeypatch.setattr(Wire, "request", late)
    try:
        world.accept("crm0", call)
        world.run()
        assert stood
        assert len(world.sites["crm0"].portal.store.statistics) == copies
        assert world.ledger.states() == {("crm0", "delivered"): 1}
    finally:
        world.close()
