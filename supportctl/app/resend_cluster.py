"""One worker of the cluster, from the configuration."""

from __future__ import annotations

import importlib.util
import random  # noqa: TID251  chance is handed in from here
import secrets
from typing import TYPE_CHECKING

from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from resend.worker import Worked
    from supportctl.app.resend_desk import Desk

_NEEDED = ("procrastinate", "psycopg")


def run_cluster_worker(desk: Desk, threads: int) -> Worked:
    """Deliver until SIGTERM or Ctrl-C; return what was done.

    Raises:
        UsageError: `resend.worker-needs-postgresql`, `resend.worker-needs-extra`.
        SupportctlError: `resend.engine-schema`.
    """
    if desk.store.is_sqlite:
        raise UsageError("resend.worker-needs-postgresql", found=desk.store.engine.url.database)
    if not all(importlib.util.find_spec(name) for name in _NEEDED):
        raise UsageError("resend.worker-needs-extra")
    from resend.cluster.worker import ClusterWorker

    # Two machines may have one name and count their processes alike, as containers do.
    desk.holder = f"{desk.holder}:{secrets.token_hex(3)}"
    worker = ClusterWorker(desk.store, desk.lane, desk.holder, random.random, threads=threads)
    return worker.run()
