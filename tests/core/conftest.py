"""Payments as plain values, and every rule over them, as the check runs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import NamedTuple

import pytest

from h2h.core.demands import Demands
from h2h.core.payment import Address, Agent, Batch, Chunk, Columns, Header, Payment
from h2h.core.problem import Severity
from h2h.core.rules import RULES, Finding, Rule, Tally
from h2h.core.terms import Account, CheckTerms

TODAY = date(2026, 11, 23)
OURS = "DE89370400440532013000"
NOWHERE = Address("", "", "", "")
HEADER = Header("pain.001.001.09", "MSG-1", "Acme", "2026-11-20T10:00:00", None, None)
BATCH = Batch(
    index=1,
    id="B-1",
    method="TRF",
    name="Acme",
    account=OURS,
    iban=OURS,
    account_currency="EUR",
    agent=Agent("COBADEFFXXX", "", "", "", "", NOWHERE),
    requested_execution_date=TODAY,
    service_level="",
    local_instrument="",
    category_purpose="",
    charge_bearer="",
    transactions=None,
    control_sum=None,
    address=NOWHERE,
)
GOOD = {
    "amount": "10.50",
    "currency": "EUR",
    "name": "Supplier",
    "iban": "FR1420041010050500013M02606",
}


def our_account(number: str, currency: str = "EUR", bank_code: str = "") -> Account:
    """One of our accounts."""
    return Account(number, bank_code, currency, "Acme GmbH")


Terms = CheckTerms  # what a bank's terms are unless a test says otherwise


class Found(NamedTuple):
    """A finding as tests compare it. `place` is `batch 1, payment 1 (E-1)` or the like."""

    rule: str
    severity: Severity
    place: str
    field: str
    message: str
    code: str  # the reason that a bank would give


Fields = Mapping[str, str]


class Judge:
    """Every rule over payments that are given as fields of Columns; what is not given is as in
    GOOD, the end-to-end id counts up. A batch is a list of payments."""

    batch = BATCH
    header = HEADER
    terms = Terms()
    account = staticmethod(our_account)
    today = TODAY

    def __call__(
        self,
        *payments: Fields,
        batch: Batch | None = None,
        header: Header | None = None,
        terms: Terms | None = None,
        demands: Demands | None = None,
        today: date = TODAY,
        chunk: int = 2,
    ) -> list[Found]:
        """The findings on one batch of `payments`; `demands` are put into the terms' profile."""
        return self.batches(
            [(batch or BATCH, payments)],
            header=header,
            terms=terms,
            demands=demands,
            today=today,
            chunk=chunk,
        )

    def chunks(
        self, batches: Sequence[tuple[Batch, Sequence[Fields]]], size: int
    ) -> Iterator[Chunk]:
        """The payments alone, `size` at a time."""
        return cut(batches, size)

    def batches(
        self,
        batches: Sequence[tuple[Batch, Sequence[Fields]]],
        *,
        header: Header | None = None,
        terms: Terms | None = None,
        demands: Demands | None = None,
        today: date = TODAY,
        chunk: int = 2,
    ) -> list[Found]:
        """The same for several batches."""
        agreed = terms or Terms()
        if demands is not None:
            agreed = replace(agreed, profile=replace(agreed.profile, demands=demands))
        chunks = [*cut(batches, chunk)]
        rules, tally = [rule(agreed, today) for rule in RULES], Tally()
        found: list[Found] = []
        for part in chunks:
            ended = [*tally.add(part)]
            wanted = agreed.profile.of_chunk(part)
            for rule in rules:
                found += [told(rule, agreed, each) for each in rule.payments(part, wanted)]
                for totals in ended:
                    found += [told(rule, agreed, each) for each in rule.batch(totals)]
        last = [*tally.end()]
        for rule in rules:
            for totals in last:
                found += [told(rule, agreed, each) for each in rule.batch(totals)]
            whole = rule.file(header or HEADER, tally, lambda: iter(chunks))
            found += [told(rule, agreed, each) for each in whole]
        return found


def told(rule: Rule, terms: Terms, finding: Finding) -> Found:
    where = finding.where
    place = where.place if isinstance(where, (Batch, Payment)) else "header" if where else ""
    severity, code = rule.severity_by(terms), finding.code or rule.code
    return Found(rule.id, severity, place, finding.field, finding.message, code)


def cut(batches: Sequence[tuple[Batch, Sequence[Fields]]], size: int) -> Iterator[Chunk]:
    """The payments of all batches in chunks of `size`."""
    rows = [
        (batch, number, {"end_to_end_id": f"E-{batch.index}-{number}", **GOOD, **fields})
        for batch, payments in batches
        for number, fields in enumerate(payments, 1)
    ]
    for at in range(0, len(rows), size):
        part = rows[at : at + size]
        columns = Columns(
            *([fields.get(name, "") for _, _, fields in part] for name in Columns._fields)
        )
        yield Chunk([batch for batch, _, _ in part], [number for _, number, _ in part], columns)


@pytest.fixture
def judge() -> Judge:
    """All rules over payments given as fields."""
    return Judge()
