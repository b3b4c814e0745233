"""Facts as one hash, and which keys differ between two states of them. Values stay unknown.

A section is a table of config.toml, or a file that one names: `banks.acme.sftp.private_key`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

UNREAD = ""  # for a file that cannot be read now: nothing can be done with it, so nothing changed


def digest(facts: Mapping[str, object]) -> str:
    """SHA-256, in hex, over one canonical JSON text."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def as_far_as_read(
    sections: Mapping[str, Mapping[str, str]], before: Mapping[str, Mapping[str, str]]
) -> Mapping[str, Mapping[str, str]]:
    """`sections`; a file that cannot be read now counts as it was remembered, if it was."""
    readable = {name: facts for name, facts in sections.items() if UNREAD not in facts.values()}
    unread = sections.keys() & before.keys() - readable.keys()
    return {**readable, **{name: before[name] for name in unread}}


def changed_keys(
    before: Mapping[str, Mapping[str, str]], after: Mapping[str, Mapping[str, str]]
) -> list[str]:
    """`banks.acme: sftp.hosts (changed)`: names of keys, never what they say."""
    found = []
    for section in sorted({*before, *after}):
        old, new = before.get(section, {}), after.get(section, {})
        for key in sorted({*old, *new}):
            if old.get(key) != new.get(key):
                how = "added" if key not in old else "removed" if key not in new else "changed"
                found.append(f"{section}: {key} ({how})")
    return found
