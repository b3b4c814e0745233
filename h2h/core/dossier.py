"""manifest.json: what a dossier says of itself, closed by its own hash.

The hash shows that a byte was changed. Whoever writes it anew has the ledger's row, the chain and
the contents against him.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

_HASH = "manifest_sha256"
_CLOSED = ',\n  "' + _HASH + '": "{}"\n}}\n'


def manifest_text(facts: Mapping[str, object]) -> bytes:
    """`facts` as a manifest; they are JSON already, and not empty."""
    text = json.dumps(facts, indent=2)[:-2]
    return (text + _CLOSED.format(_digest(text))).encode("ascii")


def manifest_facts(text: bytes) -> dict[str, Any] | None:
    """What a manifest tells; None when a byte of it is not as it was written."""
    length = len(_CLOSED.format("0" * 64))
    body = text[:-length].decode("ascii", "replace")
    if (body + _CLOSED.format(_digest(body))).encode() != text:
        return None
    try:
        facts = json.loads(text)
    except ValueError:
        return None
    del facts[_HASH]
    return dict(facts)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
