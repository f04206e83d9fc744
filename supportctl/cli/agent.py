"""supportctl agent: started by an SSH server, not by people."""

from __future__ import annotations

import click

from supportctl.cli.options import Seconds, common_options, settings


@click.command(hidden=True)
@click.option("--stdio", is_flag=True, required=True, help="Serve one session on standard input and output.")
@click.option("--allow", default="observe,probe", metavar="LIST",
              help="What a session may do (default: observe,probe).")  # fmt: skip
@click.option("--host", "hosts", multiple=True, metavar="HOST",
              help="A machine beyond the local network that a session may ask.")  # fmt: skip
@click.option("--lifetime", type=Seconds(1, 86400), default=14400.0, metavar="SECONDS",
              help="The session ends by then, whatever it does (default: 14400).")  # fmt: skip
@common_options
@click.pass_context
def agent(
    context: click.Context, allow: str, hosts: tuple[str, ...], lifetime: float, *, stdio: bool
) -> None:
    """Serve one session for a supporter who signed in over SSH.

    It is the command of a key in authorized_keys: restrict,command="supportctl agent --stdio" ssh-ed25519 …
    """
    from supportctl.app.remote_agent import serve_agent

    assert stdio
    serve_agent(allow, config=settings(context).config, hosts=hosts, lifetime_s=lifetime)
