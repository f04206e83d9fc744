"""What a channel brings is handed on at once, whole and in order, and the window gets its bytes back."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supportctl.remote.links.pushing import _GIVEN_BACK, Pushing, carry, pushing

LONG_S = 10.0


class Channel:
    """As much of a channel as reading needs; counts what was given back to its window."""

    def __init__(self):
        self.in_buffer = None
        self.given_back = 0

    def receive(self, limit):
        data = self.in_buffer.read(limit, LONG_S)
        self.given_back += len(data)
        return data


def carried(channel, sink):
    """Start to carry; return its thread and the list of what it raised."""
    raised = []

    def run():
        try:
            carry(channel, channel.receive, sink)
        except ValueError as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return SimpleNamespace(join=lambda: thread.join(LONG_S), alive=thread.is_alive, raised=raised)


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=12), st.integers(0, 12))
def test_all_of_it_in_order_whatever_came_before(pieces, early):
    channel, heard, begun = pushing(Channel()), [], threading.Event()
    for piece in pieces[:early]:
        channel.in_buffer.feed(piece)

    def sink(data):
        heard.append(data)
        begun.set()

    carrying = carried(channel, sink)
    assert not pieces[:early] or begun.wait(LONG_S)
    for piece in pieces[early:]:
        channel.in_buffer.feed(piece)
    channel.in_buffer.close()
    carrying.join()
    assert b"".join(heard) == b"".join(pieces)


def test_it_is_handed_on_by_the_thread_that_brings_it():
    pipe, heard = Pushing(), []
    pipe.push_to(lambda data: heard.append((data, threading.current_thread())))
    pipe.feed(b"answer")
    assert heard == [(b"answer", threading.current_thread())]
    assert not pipe.read_ready(), "no other thread is woken for it"


def test_the_window_gets_its_bytes_back():
    channel, size = pushing(Channel()), 0
    carrying = carried(channel, lambda _data: None)
    while size < 10 * _GIVEN_BACK:
        channel.in_buffer.feed(b"x" * 1000)
        size += 1000
    channel.in_buffer.close()
    carrying.join()
    assert size - channel.given_back < _GIVEN_BACK + 1000


def test_what_the_sink_raises_ends_the_carrying_and_not_the_connection():
    channel, heard = pushing(Channel()), []

    def sink(data):
        heard.append(data)
        raise ValueError(data)

    carrying = carried(channel, sink)
    channel.in_buffer.push_to(sink)  # whichever of the two is first: both hand on to the same
    channel.in_buffer.feed(b"nonsense")
    carrying.join()
    channel.in_buffer.feed(b"more")
    assert not carrying.alive()
    assert [str(error) for error in carrying.raised] == ["b'nonsense'"]
    assert heard == [b"nonsense"], "after nonsense nothing is believed"


def test_a_channel_that_was_not_made_ready_is_read_as_ever():
    left, heard = [b"a", b"b", b""], []
    carry(Channel(), lambda _limit: left.pop(0), heard.append)
    assert heard == [b"a", b"b"]


def test_a_line_that_breaks_is_told():
    channel = pushing(Channel())

    def breaks(_limit):
        raise ValueError("broke")

    with pytest.raises(ValueError, match="broke"):
        carry(channel, breaks, lambda _data: None)
