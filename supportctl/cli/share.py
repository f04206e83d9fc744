"""supportctl share, connect, bastion-config."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TextIO

import click

from supportctl.cli.options import common_options, settings

if TYPE_CHECKING:
    from collections.abc import Callable


@click.command()
@click.option("--ticket", required=True, metavar="T", help="Number of the ticket: what this is for.")
@click.option("--read-only", is_flag=True, help="Nothing can be changed in this session, whoever says yes.")
@click.option("--bastion", metavar="HOST[:PORT]", help="The company's bastion, where no file names it.")
@click.option("--bastion-key", metavar="SHA256:…", help="Fingerprint of the bastion's key.")
@click.option("--ports", metavar="PORTS", help="Ports of the bastion for sessions: 42300-42309.")
@click.option("--key", metavar="FILE", help="The customers' private key for the bastion.")
@click.option("--company-key", metavar="FILE", help="Public key that signs the supporters' keys.")
@common_options
@click.pass_context
def share(context: click.Context, /, **given: Any) -> int:  # noqa: ANN401  click's own types
    """Let a supporter look at this computer, while you watch, and end it with one key.

    It calls out to the company's bastion; nothing is installed, no rights of an administrator are needed,
    and nobody can connect without the code that is shown here. Each request is shown in words. What would
    change something is asked here first, every time; the answer is no unless you type yes.

    Exit codes: 0 the session is over, 1 the bastion cannot be reached, 2 wrong usage.
    """
    import secrets
    import sys
    from contextlib import nullcontext

    from supportctl.app.session_logs import customer_log
    from supportctl.app.share import Sharing
    from supportctl.app.share_plan import Given, find_share_file, share_plan
    from supportctl.app.share_served import served
    from supportctl.cli.output import echo_wrapped
    from supportctl.cli.playbook_keys import keys
    from supportctl.cli.recorded import recorded
    from supportctl.cli.share_screen import ShareScreen
    from supportctl.core.clock import SystemClock

    chosen = settings(context)
    plan, config = share_plan(Given(**given), chosen.config)
    clock = SystemClock()
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    pressed_in = keys() if terminal else nullcontext(None)
    with pressed_in as pressed:
        what = served(config, find_share_file(chosen.config), chosen.lang, clock)
        screen = ShareScreen(chosen.catalog, clock, pressed, what.names, plan.ticket)
        what.meet(screen, screen.step)
        log, path = customer_log(plan.ticket, clock)
        sharing = Sharing(plan, screen, what.served, clock, secrets.SystemRandom().random, log=log)
        try:
            with recorded(path, plan.ticket, chosen.catalog, clock):
                screen.begin(sharing.open(), sharing)
                screen.show(sharing)
        finally:
            sharing.end("customer")
            head = log.close()
    words = {"path": path, "entries": head.entries, "hash": head.hash}
    echo_wrapped(chosen.catalog.phrase("audit.kept", **words), 2)
    if sharing.problem is not None:
        raise sharing.problem
    return 0


@click.command()
@click.argument("code", nargs=-1, required=True)
@click.option("--key", metavar="FILE", help="Your own key; its certificate lies beside it: FILE-cert.pub.")
@common_options
@click.pass_context
def connect(context: click.Context, code: tuple[str, ...], key: str | None) -> int:
    """Connect to the customer who read out CODE, and keep the session open.

    It shows what the session may do, and stays until either side ends it; q or Ctrl-C ends it here. Other
    commands use the same session with --on code:CODE meanwhile.

    Exit codes: 0 the session is over, 1 it could not be opened, or broke for good, 2 wrong usage.
    """
    from supportctl.app.share_plan import code_session
    from supportctl.cli.connect_screen import stay
    from supportctl.core.clock import SystemClock
    from supportctl.remote.url import CodePlace

    chosen = settings(context)
    clock = SystemClock()
    ask = _passphrase(chosen.lang)
    word = "".join(code)
    session = code_session(word, chosen.config, clock, key=key, lead=True, ask_passphrase=ask)
    return stay(session, CodePlace(word).shown(), chosen.catalog, clock)


@click.command("bastion-config")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=2222, help="Port of the bastion (default: 2222)."
)
@click.option("--ports", default="42300-42309", help="Ports for sessions (default: 42300-42309).")
@click.option("--share-user", default="supportctl-share", help="User of the customers.")
@click.option("--staff-user", default="supportctl-staff", help="User of the supporters.")
@click.option("--folder", default="/etc/ssh/supportctl", help="Folder of its keys on the bastion.")
@click.option("--customer-key", type=click.File(encoding="ascii"), metavar="FILE",
              help="Print the line of this public key for customers.keys instead.")  # fmt: skip
@click.option("--principals", is_flag=True, help="Print the file of principals instead.")
@common_options
def bastion_config(
    port: int,
    ports: str,
    share_user: str,
    staff_user: str,
    folder: str,
    customer_key: TextIO | None,
    principals: bool,  # noqa: FBT001  click's way
) -> int:
    """Print the sshd_config of a bastion: it forwards the ports of sessions, and can do nothing else.

    docs/remote-support.md has the set-up, step by step.
    """
    from supportctl.app.share_plan import read_ports
    from supportctl.remote.reverse import bastion_config as made

    listed = read_ports(ports)
    if customer_key is not None:
        text = customer_key.read()
        name = [*text.split(), "", "", "customer"][2]
        click.echo(made.key_line(text, listed, name))
    elif principals:
        click.echo(made.principals(), nl=False)
    else:
        plan = made.BastionPlan(port, share_user, staff_user, listed, folder)
        click.echo(made.sshd_config(plan), nl=False)
    return 0


def _passphrase(lang: str) -> Callable[[str], str]:
    from supportctl.catalog import Catalog

    def ask(place: str) -> str:
        words = Catalog(lang).phrase("share.passphrase", file=place)
        return str(click.prompt(words, hide_input=True, err=True))

    return ask
