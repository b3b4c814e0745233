"""An entry as a row of its table, and back."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import orjson

from h2h.core.money import plain
from h2h.core.statement import Charge, Entry, EntryDetail, Exchange


def row_of(key: int, entry: Entry, fingerprint: bytes, details: str) -> tuple[object, ...]:
    """An entry as the columns of its table, in their order."""
    return (
        key,
        entry.index,
        fingerprint,
        *entry[1:14],
        entry.linked_message_id,
        _json([_charge(charge) for charge in entry.charges]) if entry.charges else "[]",
        _json(_exchange(entry.exchange)) if entry.exchange else "",
        details,
    )


def entry_of(row: Sequence[Any]) -> Entry:
    """A row of the table, all columns in their order, as the entry that was read."""
    charges, exchange, details = row[-3:]
    told = (
        row[1],
        *row[3:16],
        () if charges == "[]" else _charges(orjson.loads(charges)),
        tuple([_detail(found) for found in orjson.loads(details)]),
        row[16],
        _exchange_of(orjson.loads(exchange)) if exchange else None,
    )
    return Entry._make(told)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _charge(charge: Charge) -> list[str]:
    return [plain(charge.amount), charge.currency, charge.type]


def _exchange(exchange: Exchange) -> list[str | None]:
    return [plain(value) if isinstance(value, Decimal) else value for value in exchange]


def _charges(found: Sequence[Sequence[str]]) -> tuple[Charge, ...]:
    return tuple(Charge(Decimal(amount), currency, kind) for amount, currency, kind in found)


def _exchange_of(found: Sequence[str | None]) -> Exchange:
    instructed, currency, counter, *rest = found
    return Exchange(
        _decimal(instructed), currency or "", _decimal(counter), *(t or "" for t in rest)
    )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _detail(found: dict[str, Any]) -> EntryDetail:
    facts = _NOTHING | found
    if "amount" in found:
        facts["amount"] = Decimal(facts["amount"])
    if "charges" in found:
        facts["charges"] = _charges(facts["charges"])
    if "exchange" in found:
        facts["exchange"] = _exchange_of(facts["exchange"])
    return EntryDetail._make(facts.values())


_NOTHING: dict[str, Any] = EntryDetail()._asdict()
