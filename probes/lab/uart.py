"""What a serial receiver makes of a byte stream that was sent at another speed.

Not chance but arithmetic: the sender's frames (start bit, eight data bits from the lowest, stop bit) are a
line that goes low and high; a receiver waits for a falling edge and samples it by its own bit time. So a lab
line at the wrong speed gives the very bytes that a real one gives, and a diagnosis can learn from them.
"""

from __future__ import annotations

_FRAME_BITS = 10  # start, 8 data, stop: 8N1
_BYTE_MASK = 0xFF


def heard(data: bytes, sent_baud: int, heard_baud: int) -> bytes:
    """Return what a receiver at `heard_baud` hears of `data` sent back to back at `sent_baud`, both 8N1.

    A frame whose stop bit is low is delivered all the same, as a tty without INPCK does; the receiver then
    waits for the line to go high. The result may be longer, shorter or empty.
    """
    if sent_baud == heard_baud:
        return data
    line = _line(data)
    result = bytearray()
    # Moments are counted in halves of a receiver's bit time, scaled so that all of them are whole numbers.
    scale = 2 * heard_baud
    edge = _falling_edge(line, 0)
    while edge is not None:
        middle = edge * scale + sent_baud
        if _level(line, middle // scale):
            edge = _falling_edge(line, edge + 1)  # too short for a start bit: a glitch
            continue
        samples = [_level(line, (middle + 2 * bit * sent_baud) // scale) for bit in range(1, 10)]
        result.append(sum(level << bit for bit, level in enumerate(samples[:8])))
        # a receiver ten times as fast is done within the start bit: one edge must not begin two bytes
        edge = _falling_edge(line, max(edge + 1, (middle + 18 * sent_baud) // scale))
    return bytes(result)


def garble(data: bytes) -> bytes:
    """Return `data` as heard at the wrong speed: other bytes, and some unless there are none."""
    if not data:
        return b""
    twice = heard(data, 9600, 19200)
    # Bytes without a single high data bit look the same to a faster receiver; to a slower one they do not.
    return twice if twice != data else heard(data, 19200, 9600)


def seconds_per_byte(baud: int) -> float:
    """Return how long one 8N1 byte takes on the line."""
    return _FRAME_BITS / baud


def _line(data: bytes) -> list[int]:
    """Return the levels of the line, one a bit of the sender."""
    levels: list[int] = []
    for byte in data:
        levels.append(0)
        levels.extend(byte >> bit & 1 for bit in range(8))
        levels.append(1)
    return levels


def _level(line: list[int], bit: int) -> int:
    return line[bit] if bit < len(line) else 1  # an idle line is high


def _falling_edge(line: list[int], start: int) -> int | None:
    """Return the first bit from `start` on that begins low after a high one (or after the idle line)."""
    for bit in range(start, len(line)):
        if not line[bit] and (bit == 0 or line[bit - 1]):
            return bit
    return None
