"""The four ways in which something can go wrong, each with its cause and the next move.

The kind of an error decides what happens to a file, so it is chosen where the cause is known:

* `ConfigError`  somebody must change the configuration or the machine; nothing was touched.
* `Transient`    the outside world did not answer; the same act may be tried again later.
* `Refused`      somebody said no (a bank, a key, a rule); trying again changes nothing by itself.
* `Corrupt`      bytes are not what they should be (a seal, a hash, a chain).
"""

from __future__ import annotations


class H2HError(Exception):
    """An expected failure. `cause` says what happened, `next_move` who does what about it."""

    def __init__(self, cause: str, next_move: str = "") -> None:
        super().__init__(cause)
        self.cause = cause
        self.next_move = next_move

    def __str__(self) -> str:
        return f"{self.cause}. {self.next_move}" if self.next_move else self.cause


class ConfigError(H2HError):
    """The configuration, the workspace or the machine does not permit a start."""


class Transient(H2HError):
    """A network, disk or lock failure that may pass; the outcome of the act may be unknown."""


class Refused(H2HError):
    """A clear no from outside or from a rule; it will not pass by itself."""


class LoginRefused(Refused):
    """The bank's server did not let us in: never hammered, or the account gets locked."""


class HostKeyChanged(Refused):
    """The server showed a key that is not pinned: no credentials were sent."""


class Corrupt(H2HError):
    """Bytes differ from what was recorded, or a bank file is not authentic."""
