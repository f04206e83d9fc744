"""supportctl resend worker."""

from __future__ import annotations

import click

from supportctl.cli.options import common_options, settings
from supportctl.cli.resend import metrics_option, resend
from supportctl.core import log

_MOST_THREADS = 256


@resend.command()
@click.option("--threads", type=click.IntRange(1, _MOST_THREADS), default=16, metavar="N",
              help="So many destinations at a time (default: 16).")  # fmt: skip
@metrics_option
@common_options
@click.pass_context
def worker(context: click.Context, threads: int, metrics_port: int | None) -> None:
    """Deliver, as one of many workers on one PostgreSQL ledger, until SIGTERM or Ctrl-C.

    Needs the extra `cluster`. Either signal ends it after the requests that are under way.
    """
    from supportctl.app.escalation import Watch
    from supportctl.app.resend_cluster import run_cluster_worker
    from supportctl.app.resend_desk import open_desk
    from supportctl.app.resend_metrics import metrics_served

    log.wanted(on_terminal=True)
    chosen = settings(context)
    with (
        open_desk(chosen.config) as desk,
        metrics_served(desk, metrics_port),
        Watch(desk, chosen.lang),
    ):
        run_cluster_worker(desk, threads)
