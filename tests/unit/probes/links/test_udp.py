"""UDP: datagrams there and back, and a port where nobody listens."""

import socket

import pytest

from probes.links import LinkError


@pytest.fixture
def peer():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(5)
        yield sock


def test_a_conversation(opened, peer, soon):
    link = opened(f"massak+udp://127.0.0.1:{peer.getsockname()[1]}")
    link.send(b"who is there", soon())
    said, client = peer.recvfrom(100)
    assert said == b"who is there"
    assert link.receive(soon(0.05)) == b""
    peer.sendto(b"abcdef", client)
    peer.sendto(b"gh", client)
    assert [link.receive(soon(), limit=4) for _ in range(3)] == [b"abcd", b"ef", b"gh"]
    assert link.receive(soon(0)) == b""


def test_what_a_stranger_sends_is_not_heard(opened, peer, soon):
    link = opened(f"massak+udp://127.0.0.1:{peer.getsockname()[1]}")
    link.send(b"?", soon())
    client = peer.recvfrom(100)[1]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"stranger", client)
    peer.sendto(b"peer", client)
    assert link.receive(soon()) == b"peer"


def test_nobody_listens(opened, peer, soon):
    port = peer.getsockname()[1]
    peer.close()
    link = opened(f"massak+udp://127.0.0.1:{port}")
    link.send(b"?", soon())
    with pytest.raises(LinkError) as caught:
        link.receive(soon())
    assert (caught.value.code, caught.value.evidence[0].meaning) == ("link.refused", "link.port-refused")


def test_a_name_that_nobody_knows(failure):
    assert failure("massak+udp://no-such-host.invalid:5001").code == "link.dns"
