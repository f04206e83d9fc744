"""Who is at the keyboard."""

from __future__ import annotations

import getpass
import os

from supportctl.core.text import clean

WHO = "SUPPORTCTL_WHO"  # who acts, where several people share a login
_LONGEST = 120


def who_acts() -> str:
    """Return who is at the keyboard: SUPPORTCTL_WHO, else the login name."""
    name = os.environ.get(WHO, "").strip()
    if not name:
        try:
            name = getpass.getuser()
        except (KeyError, OSError):  # a container without users
            name = f"uid {os.getuid()}" if hasattr(os, "getuid") else "?"
    return clean(name, _LONGEST)
