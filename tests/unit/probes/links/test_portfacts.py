"""Which ports exist, who may use them and who holds them: pure parts over recorded data."""

import stat
import sys

import pytest

from probes.links.holders import Holder, flock_pids, likely_holders, pid_in_lock_file
from probes.links.portfacts import advise, nearest, permission, windows_reason

OPENING = "could not open port 'COM3': "
SETTING = "Cannot configure port, something went wrong. Original message: "


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (OPENING + "PermissionError(13, 'Access is denied.', None, 5)", "busy"),
        (OPENING + "PermissionError(13, 'Отказано в доступе.', None, 5)", "busy"),
        (OPENING + "FileNotFoundError(2, 'The system cannot find the file specified.', None, 2)", "absent"),
        (
            OPENING + "OSError(22, 'A device attached to the system is not functioning.', None, 31)",
            "no-hardware",
        ),
        (OPENING + "OSError(22, 'The semaphore timeout period has expired.', None, 121)", "timeout"),
        (SETTING + "OSError(22, 'The parameter is incorrect.', None, 87)", "settings"),
        (OPENING + "OSError(1, 'Strange.', None, 9999)", None),
        ("[Errno 13] could not open port /dev/ttyS0: [Errno 13] Permission denied: '/dev/ttyS0'", None),
    ],
)
def test_what_windows_means(message, reason):
    assert windows_reason(message) == reason


def test_nearest_ports_first():
    ports = ["/dev/ttyS0", "/dev/ttyACM0", "/dev/ttyUSB5", "/dev/ttyUSB1"]
    assert nearest("/dev/ttyUSB2", ports) == ["/dev/ttyUSB1", "/dev/ttyUSB5", "/dev/ttyACM0", "/dev/ttyS0"]
    assert nearest("COM3", ["COM10", "COM4", "COM1"]) == ["COM4", "COM1", "COM10"]


def test_who_is_not_in_the_group_is_told_the_command():
    advice = advise("kassa", "dialout", stat.S_IFCHR | 0o660, 20, "ttyUSB", in_database=False)
    assert (advice.remedy, advice.command) == ("group", "sudo usermod -aG dialout kassa")


def test_who_was_put_into_the_group_must_log_in_again():
    advice = advise("kassa", "dialout", stat.S_IFCHR | 0o660, 20, "ttyUSB", in_database=True)
    assert advice.remedy == "login"


@pytest.mark.parametrize(("mode", "gid"), [(0o600, 20), (0o620, 5), (0o660, 0)])
def test_a_group_without_access_needs_a_rule(mode, gid):
    advice = advise("kassa", "tty", stat.S_IFCHR | mode, gid, "ttyUSB", in_database=False)
    assert advice.remedy == "rule"
    assert 'KERNEL=="ttyUSB*"' in advice.command


@pytest.mark.skipif(sys.platform == "win32", reason="groups own devices on POSIX only")
def test_permission_of_a_real_node():
    advice = permission("/dev/null")
    assert advice.user
    assert advice.group


LOCKS = """\
1: POSIX  ADVISORY  READ 512 00:19:633 128 128
2: FLOCK  ADVISORY  WRITE 1234 00:06:523 0 EOF
2: -> FLOCK  ADVISORY  WRITE 1300 00:06:523 0 EOF
3: FLOCK  ADVISORY  WRITE 99 00:06:524 0 EOF
"""


def test_who_holds_an_flock():
    assert flock_pids(LOCKS, 0, 6, 523) == [1234]
    assert flock_pids(LOCKS, 0, 6, 1) == []


@pytest.mark.parametrize(
    ("content", "pid"),
    [
        (b"      1234\n", 1234),
        (b"      1234 minicom root\n", 1234),
        ((1234).to_bytes(4, sys.byteorder), 1234),
        (b"", None),
        (b"garbage", None),
    ],
)
def test_pid_in_a_lock_file(content, pid):
    assert pid_in_lock_file(content) == pid


def test_likely_holders_on_windows_the_till_program_first():
    running = [
        (4, "System"),
        (812, "putty.exe"),
        (640, "explorer.exe"),
        (7, "Frontol6.exe"),
        (9, "EthernetOverUsb.exe"),
    ]
    found = likely_holders(running)
    assert [holder.pid for holder in found] == [7, 9, 812]
    assert str(found[0]) == "Frontol6.exe (pid 7)"
    assert not any(holder.sure for holder in found)
    assert Holder(1, "init").sure
