"""A TCP proxy that misbehaves once, after so many bytes went one way; later lines are clean.

Modes: `reset` cuts both sides with RST; `hole` forwards nothing any more and says nothing; `deaf`
lets the server hear all but the client nothing; `slow` lets both dribble; `act` calls a function
(to stop a server, say) and forwards on.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

MODES = ("reset", "hole", "deaf", "slow")
_RST = struct.pack("ii", 1, 0)  # SO_LINGER on, zero seconds: close() sends RST
_DRIBBLE, _PAUSE = 64, 0.02  # bytes and seconds between them


@dataclass(frozen=True)
class Fault:
    """`mode` begins when `after` bytes went in `direction` ("up" to the server, or "down")."""

    mode: str
    direction: str
    after: int
    act: Callable[[], object] = lambda: None


@dataclass
class _Line:
    """One connection: its two sockets, and what has become of it."""

    client: socket.socket
    server: socket.socket
    fault: Fault | None
    passed: dict[str, int] = field(default_factory=lambda: {"up": 0, "down": 0})
    broken: threading.Event = field(default_factory=threading.Event)

    def pump(self, direction: str) -> None:
        """Forward one direction to its end."""
        source, target = self.client, self.server
        if direction == "down":
            source, target = target, source
        with suppress(OSError):
            while data := source.recv(65536):
                before = data[: self._until_fault(direction)]
                target.sendall(before)
                self.passed[direction] += len(before)
                if self._until_fault(direction) == 0:
                    self._break()
                    self._forward_broken(data[len(before) :], target, direction)
        self._hang_up(target)

    def _until_fault(self, direction: str) -> int | None:
        """Bytes that still pass this way before the fault begins; None: there is no such end."""
        if self.broken.is_set():
            return 0
        if self.fault is None or self.fault.direction != direction:
            return None
        return max(0, self.fault.after - self.passed[direction])

    def _break(self) -> None:
        if self.fault is None or self.broken.is_set():
            return
        self.broken.set()
        if self.fault.mode == "reset":
            self.reset()
        self.fault.act()

    def _forward_broken(self, data: bytes, target: socket.socket, direction: str) -> None:
        mode = self.fault.mode if self.fault else ""
        if mode == "act" or (mode == "deaf" and direction == "up"):
            target.sendall(data)
        elif mode == "slow":
            for at in range(0, len(data), _DRIBBLE):
                target.sendall(data[at : at + _DRIBBLE])
                time.sleep(_PAUSE)

    def reset(self) -> None:
        for wire in (self.client, self.server):
            with suppress(OSError):
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
                wire.shutdown(socket.SHUT_RD)  # wakes the other thread
                wire.close()

    def _hang_up(self, target: socket.socket) -> None:
        """Pass an end on, unless the fault is that nobody hears of it."""
        if self.broken.is_set() and self.fault is not None and self.fault.mode in {"hole", "deaf"}:
            return
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        for wire in (self.client, self.server):
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
            wire.close()


class Proxy:
    """Listens on 127.0.0.1; `fault` is for the next connection alone."""

    def __init__(self, target: int) -> None:
        self.target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.fault: Fault | None = None
        self.lines: list[_Line] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.target))
        except OSError:  # no server now: the client sees its line end
            client.close()
            return
        for wire in (client, server):
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line = _Line(client, server, self.fault)
        self.fault = None
        self.lines.append(line)
        for direction in ("up", "down"):
            threading.Thread(target=line.pump, args=[direction], daemon=True).start()

    @property
    def begun(self) -> bool:
        """Did a fault begin on any line since the last `forget`?"""
        return any(line.broken.is_set() for line in self.lines)

    def forget(self) -> None:
        """Hang up every line."""
        for line in self.lines:
            line.close()
        self.lines.clear()

    def close(self) -> None:
        self.forget()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
