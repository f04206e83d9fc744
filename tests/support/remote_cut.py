"""Keeps a session open, says when its line is dead and when it is back: HOST PORT KEY FOLDER."""

import os
import random
import sys
import threading
from pathlib import Path

from supportctl.core.clock import SystemClock
from supportctl.remote.hosts import HostStore
from supportctl.remote.links.transport import Connector
from supportctl.remote.ssh_session import SshSession
from supportctl.remote.url import SshPlace


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main() -> None:
    host, port, key, folder = sys.argv[1:]
    clock = SystemClock()
    place = SshPlace("root", host, (int(port),), key, way="push", python=os.path.realpath(sys.executable))
    connector = Connector(HostStore(Path(folder) / "hosts.json"), clock, lambda _host, _key: True)
    session = SshSession(place, connector, Path(folder), clock, chance=random.random, name="cut")
    session.open()
    say("open")
    pause = threading.Event()
    while session.client.connected:
        pause.wait(0.005)
    say("dead")
    session.client.call("about", deadline_s=60.0, back=session.back)
    say("back")
    session.close()


main()
