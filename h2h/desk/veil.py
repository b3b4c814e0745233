"""Confidential files: names and amounts of single payments are for the role payroll alone.

Whoever approves sees the sums of a file and how many payments it has; nobody else sees more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from h2h.core.noted import shown
from h2h.core.operators import Act, may
from h2h.core.problem import Problem
from h2h.core.words import say
from h2h.ports import BankTerms, File, Ledger, MoveRow, PaymentRow, TracedPayment

HIDDEN = "•••"


def veiled(file: File, roles: Collection[str] | None) -> bool:
    """Is the content of `file` hidden from somebody with these roles? None: there are no operators
    yet, so nothing is hidden from whoever has the workspace."""
    return file.confidential and roles is not None and not may(roles, Act.UNVEIL)


def content_veiled(
    ledger: Ledger, file: File, roles: Collection[str] | None, banks: Mapping[str, BankTerms]
) -> bool:
    """Are the bytes of `file`, and what is quoted of them, hidden from somebody with these roles?

    What a bank sent may tell of any payment: it is hidden as soon as anything is confidential.
    """
    if file.direction == "out" or roles is None or may(roles, Act.UNVEIL):
        return veiled(file, roles)
    accounts = any(terms.confidential_accounts for terms in banks.values())
    return accounts or ledger.anything_confidential()


def veil(
    file: File, payments: Sequence[PaymentRow], roles: Collection[str] | None
) -> Sequence[PaymentRow]:
    """The payments as somebody with these roles may see them."""
    if not veiled(file, roles):
        return payments
    return [_covered(row) for row in payments]


def _covered(row: PaymentRow) -> PaymentRow:
    return replace(
        row,
        end_to_end_id=HIDDEN,
        instruction_id=HIDDEN,
        amount=HIDDEN,
        counterparty_account=HIDDEN,
        counterparty_name=HIDDEN,
        remittance=HIDDEN,
        reason=row.reason and HIDDEN,
        servicer_reference=row.servicer_reference and HIDDEN,
        payee_name=row.payee_name and HIDDEN,
    )


def veil_problems(
    file: File, problems: Sequence[Problem], roles: Collection[str] | None
) -> Sequence[Problem]:
    """The rules and remedies stay; what they quote of the file does not."""
    if not veiled(file, roles):
        return problems
    words = say("hidden: the file is confidential")
    return [
        Problem(each.rule, each.severity, words, each.remedy, code=each.code) for each in problems
    ]


def veil_moves(
    file: File, moves: Sequence[MoveRow], roles: Collection[str] | None
) -> Sequence[MoveRow]:
    """What h2h itself wrote may quote the file; what persons wrote stays.

    What the chain notes to compare by is left out for everybody: it is for no reader.
    """
    if not veiled(file, roles):
        return [replace(move, because=shown(move.because)) for move in moves]
    words = say("hidden: the file is confidential")
    return [
        replace(move, because=words) if move.who == "h2h" and move.because else move
        for move in moves
    ]


def veil_trace(traced: TracedPayment, roles: Collection[str] | None) -> TracedPayment:
    """Of a confidential file only that there is such a payment, and how it stands."""
    if not veiled(traced.file, roles):
        return traced
    events = tuple(
        replace(
            event,
            because=event.because and HIDDEN,
            amount=event.amount and HIDDEN,
            reference="",
        )
        for event in traced.events
    )
    return replace(traced, payment=_covered(traced.payment), events=events)
