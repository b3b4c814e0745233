"""Passwords and second factors: argon2id (RFC 9106) and TOTP (RFC 6238)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from datetime import datetime
from functools import cache

from h2h.core.words import say
from h2h.errors import Refused

LEAST_LENGTH = 12  # characters
MOST_LENGTH = 1_000
_SECOND_HALF, _LETTERS = 16, "abcdefghjkmnpqrstuvwxyz23456789"
_STEP = 30  # seconds
_DRIFT = (0, -1, 1)  # steps that a telephone's clock may be off


def hashed(password: str) -> str:
    """The argon2id hash to keep. Raises Refused for a password that is too short."""
    from argon2 import PasswordHasher  # noqa: PLC0415 - heavy, and most commands need no password

    plain = _normalised(password)
    if not LEAST_LENGTH <= len(plain) <= MOST_LENGTH:
        words = say("a password has at least {least} characters", least=LEAST_LENGTH)
        raise Refused(words, say("Choose a longer one, such as five words"))
    return PasswordHasher().hash(plain)


def completed(first: str) -> tuple[str, str]:
    """(what to keep, the second half) of a password of which one person chose the first half, whose
    hash is `first`: 79 random bits, in letters that are not mistaken for each other."""
    second = "".join(secrets.choice(_LETTERS) for _ in range(_SECOND_HALF))
    return f"{first}\n{kept_token(second)}", second


def fits(password: str, kept: str) -> bool:
    """Is it the password that was kept? Takes as long when nothing was kept."""
    from argon2 import PasswordHasher  # noqa: PLC0415 - as above
    from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415 - as above

    first, _, second = kept.partition("\n")
    if second:
        password, rest = password[:-_SECOND_HALF], password[-_SECOND_HALF:]
        kept = first if hmac.compare_digest(kept_token(rest), second) else ""
    try:
        PasswordHasher().verify(first or _nobodys(), _normalised(password)[:MOST_LENGTH])
    except (VerificationError, InvalidHashError):
        return False
    return bool(kept)


@cache
def _nobodys() -> str:
    return hashed(secrets.token_urlsafe(32))


def _normalised(password: str) -> str:
    """However the keyboard composed its letters."""
    return unicodedata.normalize("NFKC", password)


# --------------------------------------------------------------------------------- second factors


def new_totp(name: str) -> tuple[str, str]:
    """(secret, its otpauth:// address for the telephone)."""
    import pyotp  # noqa: PLC0415 - seldom needed

    secret = pyotp.random_base32()
    return secret, pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="h2h")


def totp_step(secret: str, code: str, now: datetime, last: int) -> int | None:
    """The step that `code` is good for, later than the `last` one used; None when it is wrong."""
    import pyotp  # noqa: PLC0415 - seldom needed

    given, current = code.replace(" ", ""), int(now.timestamp()) // _STEP
    if not (given.isascii() and given.isdigit()):
        return None
    for drift in _DRIFT:
        step = current + drift
        if step > last and hmac.compare_digest(pyotp.TOTP(secret).generate_otp(step), given):
            return step
    return None


# ---------------------------------------------------------------------------------------- sessions


def new_token() -> str:
    """What a browser is given: 256 bits that nobody guesses."""
    return secrets.token_urlsafe(32)


def kept_token(token: str) -> str:
    """What the ledger keeps of it: a stolen ledger opens no session."""
    return hashlib.sha256(token.encode()).hexdigest()
