"""What a session may do: observe < probe < fix < bridge, and what the customer has allowed of that."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Capability(IntEnum):
    """How far a session reaches; each includes those before it."""

    OBSERVE = 1  # what this computer is: ports, services, versions, logs without secrets
    PROBE = 2  # talk to devices, with commands that only read
    FIX = 3  # change something, from a signed playbook, with consent
    BRIDGE = 4  # raw bytes to one device or one port: everything that it understands

    @property
    def word(self) -> str:
        """Its name in messages and configurations."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> Capability | None:
        """Return the capability of this name."""
        return next((each for each in cls if each.word == word), None)


NEEDS_CONSENT = frozenset({Capability.FIX, Capability.BRIDGE})


class Wanted(NamedTuple):
    """What a request wants to do, as far as consent is concerned.

    `target` is the device or port; `digest` the hash of the playbook with all that it includes.
    """

    capability: Capability
    target: str = ""
    digest: str = ""


class Grant(NamedTuple):
    """What the customer has allowed, on their own terminal. Bound to what they were shown."""

    capability: Capability
    target: str
    digest: str
    expires_at: float  # on the monotonic clock of the customer's side
    uses: int = 1


class Grants:
    """The grants of one session. Kept where the customer is; no message can add one."""

    def __init__(self) -> None:
        self._given: list[Grant] = []

    def give(self, grant: Grant) -> None:
        """Keep what the customer has allowed."""
        self._given.append(grant)

    def take(self, wanted: Wanted, now: float) -> bool:
        """Use up one grant that covers `wanted`; return whether there was one."""
        for number, grant in enumerate(self._given):
            if self._covers(grant, wanted, now):
                left = grant._replace(uses=grant.uses - 1)
                self._given[number : number + 1] = [left] if left.uses > 0 else []
                return True
        return False

    def revoke(self) -> None:
        """Forget all of them: the session is over, or the customer wants it so."""
        self._given.clear()

    @staticmethod
    def _covers(grant: Grant, wanted: Wanted, now: float) -> bool:
        same = (grant.capability, grant.target, grant.digest) == (
            wanted.capability,
            wanted.target,
            wanted.digest,
        )
        return same and grant.uses > 0 and now < grant.expires_at
