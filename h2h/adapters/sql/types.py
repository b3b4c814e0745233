"""How values that databases would bend are kept: exact amounts, aware times, odd file names."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, DateTime, LargeBinary, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from h2h.core.money import plain
from h2h.core.payment import Execution
from h2h.core.problem import Problem, Severity
from h2h.core.words import Words
from h2h.core.words import say as said_before


class Amount(TypeDecorator[Decimal]):
    """A Decimal as a plain decimal text: exact on every database, never summed by one."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, _: Dialect) -> str | None:
        return None if value is None else plain(value)

    def process_result_value(self, value: str | None, _: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


class UtcTime(TypeDecorator[datetime]):
    """An aware time in UTC; SQLite, which knows no zones, keeps it as a sortable text."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone: {value}")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, _: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class FileName(TypeDecorator[str]):
    """A name as the file system has it, kept as bytes: not every name is text."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, _: Dialect) -> bytes | None:
        return None if value is None else os.fsencode(value)

    def process_result_value(self, value: bytes | None, _: Dialect) -> str | None:
        return None if value is None else os.fsdecode(value)


class Inode(TypeDecorator[int]):
    """An inode number, kept as text: unsigned ones do not fit the integers of a database."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: int | None, _: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, _: Dialect) -> int | None:
        return None if value is None else int(value)


class Problems(TypeDecorator[tuple[Problem, ...]]):
    """Findings as a JSON list of their fields; words keep what they need to be told otherwise."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Sequence[Problem] | None, _: Dialect) -> object:
        return [[_kept(getattr(each, field.name)) for field in _FIELDS] for each in value or ()]

    def process_result_value(
        self, value: list[list[Any]] | None, _: Dialect
    ) -> tuple[Problem, ...]:
        return tuple(
            Problem(rule, Severity(severity), *map(_told, rest))
            for rule, severity, *rest in value or ()
        )


_FIELDS = fields(Problem)


def _kept(value: object) -> object:
    """A value as JSON has it: words as [template, values]."""
    if isinstance(value, Words):
        return [value.template, {name: _kept(each) for name, each in value.values.items()}]
    return value if isinstance(value, int) or value is None else str(value)


def _told(value: object) -> Any:  # noqa: ANN401 - as JSON gives it
    if isinstance(value, list):
        template, values = value
        return said_before(template, **{name: _told(each) for name, each in values.items()})
    return value


class Sentence(TypeDecorator[str]):
    """A sentence as text. Words, and the few texts that could be taken for them, as JSON."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _: Dialect) -> str | None:
        if value is None or not (isinstance(value, Words) or value.startswith(_JSON)):
            return value
        return json.dumps(_kept(value), ensure_ascii=False)

    def process_result_value(self, value: str | None, _: Dialect) -> str | None:
        if value is None or not value.startswith(_JSON):
            return value
        told: str = _told(json.loads(value))
        return told


_JSON = ("[", '"')  # how words and texts begin in it


class Executions(TypeDecorator[tuple[Execution, ...]]):
    """What a file is in time by, as a JSON list of lists that begin with an ISO day."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Sequence[Execution] | None, _: Dialect) -> object:
        return [(day.isoformat(), *rest) for day, *rest in value or ()]

    def process_result_value(
        self, value: list[list[str]] | None, _: Dialect
    ) -> tuple[Execution, ...]:
        return tuple(Execution(date.fromisoformat(day), *rest) for day, *rest in value or ())


class Texts(TypeDecorator[tuple[str, ...]]):
    """Short words as a JSON list."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Sequence[str] | None, _: Dialect) -> object:
        return list(value or ())

    def process_result_value(self, value: list[str] | None, _: Dialect) -> tuple[str, ...]:
        return tuple(value or ())
