"""The practice bank: what a customer rehearses with before a real bank says yes.

`bank.py` puts it together: an SFTP server (`server.py`), keys of both sides (`keys.py`), and behind
them mock-bank (`mock.py`, spoken to through `office.py`) and a gateway (`gateway.py`) that opens
what arrives and seals what leaves. `workspace.py` writes the customer's side. Needs the extra
`[sandbox]`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from h2h.errors import ConfigError

if TYPE_CHECKING:
    from h2h.sandbox.bank import PracticeBank

_EXTRA = frozenset({"asyncssh", "mockbank"})


def practice_bank(
    folder: Path,
    port: int = 0,
    tell: Callable[[str], None] = lambda _line: None,
    *,
    behave: Iterable[str] = (),
    keys: tuple[Path, Path] | None = None,
) -> PracticeBank:
    """A practice bank in `folder`, not started yet; its parts are imported here and not before.

    `behave` says what it does wrong, `keys` are a customer's own public keys (OpenPGP, SSH).

    Raises ConfigError when the extra is not installed.
    """
    try:
        from h2h.sandbox.bank import PracticeBank, PublicKeys  # noqa: PLC0415  the extra may be missing
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        raise ConfigError(
            f"the practice bank needs {error.name}, which is not installed",
            'Install it with: pip install "h2h[sandbox]"',
        ) from error
    own = PublicKeys(*keys) if keys else None
    return PracticeBank(folder, port, tell, behave=behave, keys=own)
