"""What the configuration says, as hashes by key: what changed shows, what it says does not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from h2h.config.models import Config

WORKSPACE = "h2h"
POLICIES = "policies"


def sections_of(config: Config) -> Mapping[str, Mapping[str, str]]:
    """A hash for each key that is set, by section: `banks.NAME` with its accounts, keys and
    profile, `policies` with the rates' file, and `h2h` with the keys that are no bank's. What a
    default says is left out, so that a new version changes nothing."""
    workspace = config.h2h
    ours = {name: getattr(workspace, name) for name in ("door", "archive_key", "archive_home")}
    policies = {"policies": config.policies, "rates": workspace.rates}
    return {
        **{f"banks.{name}": _hashed(bank) for name, bank in config.banks.items()},
        POLICIES: _hashed({key: value for key, value in policies.items() if value}),
        WORKSPACE: _hashed({key: value for key, value in ours.items() if value}),
    }


def _hashed(value: object) -> dict[str, str]:
    return {key: hashlib.sha256(text.encode()).hexdigest() for key, text in _flat(value, "")}


def _flat(value: object, key: str) -> Iterator[tuple[str, str]]:
    """`sftp.download[0].folder` and what stands there."""
    if isinstance(value, BaseModel):
        value = {name: getattr(value, name) for name in value.model_fields_set}
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(inner, f"{key}.{name}".removeprefix("."))
    elif isinstance(value, tuple) and any(isinstance(each, BaseModel) for each in value):
        for index, inner in enumerate(value):
            yield from _flat(inner, f"{key}[{index}]")
    else:
        yield key, repr(value)
