"""An SSH server that lets everybody in and then does what a test wants: the far side, gone bad."""

from __future__ import annotations

import contextlib
import socket
import threading

import paramiko
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


def new_key(folder, name="key"):
    """Return a new key and its file."""
    made = ed25519.Ed25519PrivateKey.generate()
    file = folder / name
    file.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    file.chmod(0o600)
    return paramiko.Ed25519Key.from_private_key_file(str(file)), file


class _Everybody(paramiko.ServerInterface):
    def __init__(self, server) -> None:
        self.server = server

    def get_allowed_auths(self, username):
        return "publickey"

    def check_auth_publickey(self, username, key):
        self.server.signed_in.set()
        return paramiko.AUTH_SUCCESSFUL if self.server.lets_in else paramiko.AUTH_FAILED

    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel, command):
        self.server.commands.append(command)
        self.server.replied.clear()
        thread = threading.Thread(target=self.server.serve, args=(channel,), daemon=True)
        thread.start()
        return True


class HostileSsh:
    """`behave(channel)` is what a command does."""

    def __init__(self, host_key, behave=lambda channel: None, *, lets_in=True) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.host_key, self.behave, self.lets_in = host_key, behave, lets_in
        self.commands: list[bytes] = []
        self.signed_in, self.replied = threading.Event(), threading.Event()
        self.transports: list[paramiko.Transport] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def serve(self, channel) -> None:
        self.replied.wait(5)  # a real server confirms the command before it says a word
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self.behave(channel)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = self.listener.accept()
                transport = paramiko.Transport(line)
                transport.add_server_key(self.host_key)
                self.transports.append(transport)
                transport._send_user_message = self._then(transport._send_user_message)
                transport.start_server(event=threading.Event(), server=_Everybody(self))

    def _then(self, send):
        def sent(message):
            send(message)
            self.replied.set()

        return sent

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for transport in self.transports:
            transport.close()


class Talker:
    """A plain TCP server that does to each visitor what `behave(line, over)` does, until it is closed."""

    def __init__(self, behave) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.over = threading.Event()
        self.behave = behave
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = self.listener.accept()
                with line, contextlib.suppress(OSError):
                    self.behave(line, self.over)

    def close(self) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)
        assert not self.thread.is_alive()
