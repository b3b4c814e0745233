"""Entries of account reports, read in two layers.

`choose` picks the texts of an entry: which of several elements counts, what is joined. It decides
by what is there alone, never by what a text says. `entry` turns these texts into money, days and
signs. So what `choose` would pick of an entry written like another is known beforehand (see
lifting.py), and both ways of reading have one meaning.

Money and identity are read strictly: an entry without a readable amount, sign or currency raises
Doubt. All else is read leniently.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from functools import lru_cache
from re import ASCII
from re import compile as expression
from typing import NamedTuple

from h2h.adapters.messages.iso20022.incoming import Node
from h2h.core.money import amount
from h2h.core.statement import Charge, Entry, EntryDetail, Exchange

# ISO 20022 amounts have 18 digits. A few zeros more are a slip; beyond that it is no amount.
_MOST_DIGITS = 24
_NO_COUNT = 10**18  # what a column of whole numbers holds at most has 18 digits, and some more
_USUAL = expression(r"\d{1,15}(?:\.\d{1,5})?", ASCII)  # what most amounts look like
_DEBIT = {"CRDT": False, "DBIT": True}
_TRUE = frozenset({"true", "1"})


class Doubt(Exception):
    """Why a figure cannot be trusted, in words that follow its place; `path` are the tags to it."""

    def __init__(self, words: str, path: str) -> None:
        super().__init__(words)
        self.path = path


class ChargeTexts(NamedTuple):
    """A charge as written."""

    amount: str
    currency: str
    sign: str
    type: str


class ExchangeTexts(NamedTuple):
    """What is said of an exchange, as written."""

    instructed: str
    instructed_currency: str
    counter: str
    counter_currency: str
    rate: str
    source: str
    target: str


class DetailTexts(NamedTuple):
    """The fields of an EntryDetail as written, in its order, and the sign of its amount."""

    amount: str | None
    currency: str
    message_id: str
    batch_id: str
    instruction_id: str
    end_to_end_id: str
    servicer_reference: str
    transaction_id: str
    uetr: str
    debtor_name: str
    debtor_account: str
    creditor_name: str
    creditor_account: str
    remittance: str
    reference: str
    return_reason: str
    additional_information: str
    charges: tuple[ChargeTexts, ...]
    exchange: ExchangeTexts | None
    mandate_id: str
    cheque_number: str
    card_number: str
    debtor_agent: str
    creditor_agent: str
    ultimate_debtor: str
    ultimate_creditor: str
    purpose: str
    sign: str


class EntryTexts(NamedTuple):
    """The fields of an Entry as written."""

    amount: str
    currency: str
    sign: str
    status: str
    reversal: str
    booking_date: str
    value_date: str
    entry_reference: str
    servicer_reference: str
    bank_transaction_code: str
    additional_information: str
    batch_counts: tuple[str, ...]  # of each batch
    batch_message_id: str
    batch_id: str
    charges: tuple[ChargeTexts, ...]
    details: tuple[DetailTexts, ...]
    linked_message_id: str
    exchange: ExchangeTexts | None


# ------------------------------------------------------------------------- which texts are the ones


class Details:
    """The transactions of an entry that is not over: thousands need less room as texts."""

    def __init__(self) -> None:
        self._texts: list[DetailTexts] = []
        self._doubt: Doubt | None = None

    def add(self, node: Node) -> None:
        """One more. A doubt of it waits for the entry's end."""
        try:
            self._texts.append(_detail(node))
        except Doubt as doubt:
            self._doubt = self._doubt or doubt

    def of(self, entry: Node) -> tuple[DetailTexts, ...]:
        """All of them; those that were not added are found in the entry. Raises Doubt."""
        for node in entry.all("NtryDtls", "TxDtls"):
            self.add(node)
        if self._doubt is not None:
            raise self._doubt
        sign, card = entry.value("CdtDbtInd"), _card(entry)
        return tuple(
            each
            if each.sign and (each.card_number or not card)
            else each._replace(sign=each.sign or sign, card_number=each.card_number or card)
            for each in self._texts
        )


def choose(node: Node, details: Details | None = None) -> EntryTexts:
    """The texts of an entry, some of whose `details` may have been read before.

    Raises Doubt where a figure is missing or there twice.
    """
    value, currency = _figure(node, "Amt")
    batches = node.all("NtryDtls", "Btch")
    return EntryTexts(
        amount=value,
        currency=currency,
        sign=sole(node, "CdtDbtInd", "sign").text,
        status=node.code("Sts"),
        reversal=node.value("RvslInd"),
        booking_date=date_text(node, "BookgDt"),
        value_date=date_text(node, "ValDt"),
        entry_reference=node.value("NtryRef"),
        servicer_reference=node.value("AcctSvcrRef"),
        bank_transaction_code=_transaction_code(node),
        additional_information=node.value("AddtlNtryInf"),
        batch_counts=tuple(batch.value("NbOfTxs") for batch in batches),
        batch_message_id=next((b.value("MsgId") for b in batches), ""),
        batch_id=next((b.value("PmtInfId") for b in batches), ""),
        charges=_charges(node),
        details=(details or Details()).of(node),
        linked_message_id=node.value("AddtlInfInd", "MsgId"),
        exchange=_exchange(node),
    )


def sole(node: Node, tag: str, words: str) -> Node:
    """The one child `tag`: with none or two, nobody knows which figure is meant. Raises Doubt."""
    found = node.all(tag)
    if len(found) != 1:
        said = f"its {words} is missing" if not found else f"it has more than one {words}"
        raise Doubt(said, tag)
    return found[0]


def _figure(node: Node, tag: str) -> tuple[str, str]:
    """An amount and its currency as written."""
    found = sole(node, tag, "amount")
    if found.children:
        raise Doubt(f"{found.text!r} is no amount", tag)
    return found.text, found.currency


def date_text(node: Node, tag: str) -> str:
    """A date or the date of a moment; some banks leave the inner element out."""
    found = node.one(tag)
    return (found.value("Dt") or found.value("DtTm") or found.text) if found else ""


def _transaction_code(node: Node) -> str:
    """`PMNT/ICDT/ESCT`, else the bank's own code."""
    domain = node.one("BkTxCd", "Domn")
    if domain is None:
        return node.value("BkTxCd", "Prtry", "Cd") or node.value("BkTxCd", "Prtry")
    codes = domain.value("Cd"), domain.value("Fmly", "Cd"), domain.value("Fmly", "SubFmlyCd")
    return "/".join(filter(None, codes))


def _charges(node: Node) -> tuple[ChargeTexts, ...]:
    """Charges one by one; only where none is listed, their total. Version .02 has no records."""
    blocks = node.all("Chrgs")
    listed = [*node.all("Chrgs", "Rcrd"), *(block for block in blocks if block.one("Amt"))]
    found = [_charge(item, "Amt") for item in listed if item.one("Amt")]
    totals = [
        _charge(item, "TtlChrgsAndTaxAmt") for item in blocks if item.one("TtlChrgsAndTaxAmt")
    ]
    return tuple(found or totals)


def _charge(node: Node, tag: str) -> ChargeTexts:
    value, currency = _figure(node, tag)
    kind = node.value("Tp", "Prtry", "Id") or node.code("Tp")
    return ChargeTexts(value, currency, node.value("CdtDbtInd"), kind)


def _exchange(node: Node) -> ExchangeTexts | None:
    """What was ordered, its counter value, and the rate, whichever amount that stands with."""
    details = node.one("AmtDtls")
    if details is None:
        return None
    instructed, counter = details.one("InstdAmt", "Amt"), details.one("CntrValAmt", "Amt")
    holders = ("InstdAmt", "TxAmt", "CntrValAmt", "AnncdPstngAmt")
    rate = next(filter(None, (details.one(holder, "CcyXchg") for holder in holders)), None)
    return ExchangeTexts(
        instructed=instructed.text if instructed else "",
        instructed_currency=instructed.currency if instructed else "",
        counter=counter.text if counter else "",
        counter_currency=counter.currency if counter else "",
        rate=rate.value("XchgRate") if rate else "",
        source=rate.value("SrcCcy") if rate else "",
        target=rate.value("TrgtCcy") if rate else "",
    )


def _detail(node: Node) -> DetailTexts:
    """One transaction. A sign or card that it does not have is its entry's."""
    value, currency = _detail_figure(node)
    references = node.one("Refs") or node
    return DetailTexts(
        amount=value,
        currency=currency,
        message_id=references.value("MsgId"),
        batch_id=references.value("PmtInfId"),
        instruction_id=references.value("InstrId"),
        end_to_end_id=references.value("EndToEndId"),
        servicer_reference=references.value("AcctSvcrRef"),
        transaction_id=references.value("TxId"),
        uetr=references.value("UETR"),
        debtor_name=_party(node, "Dbtr"),
        debtor_account=_account(node, "DbtrAcct"),
        creditor_name=_party(node, "Cdtr"),
        creditor_account=_account(node, "CdtrAcct"),
        remittance=_joined(node, ("RmtInf", "Ustrd"), ("RmtInf", "Strd", "AddtlRmtInf")),
        reference=_joined(node, ("RmtInf", "Strd", "CdtrRefInf", "Ref"))
        or _joined(node, ("RmtInf", "Strd", "RfrdDocInf", "Nb")),
        return_reason=" ".join(
            filter(None, (node.code("RtrInf", "Rsn"), _joined(node, ("RtrInf", "AddtlInf"))))
        ),
        additional_information=node.value("AddtlTxInf"),
        charges=_charges(node),
        exchange=_exchange(node),
        mandate_id=references.value("MndtId"),
        cheque_number=references.value("ChqNb"),
        card_number=_card(node),
        debtor_agent=_agent(node, "DbtrAgt"),
        creditor_agent=_agent(node, "CdtrAgt"),
        ultimate_debtor=_party(node, "UltmtDbtr"),
        ultimate_creditor=_party(node, "UltmtCdtr"),
        purpose=node.code("Purp"),
        sign=node.value("CdtDbtInd"),
    )


def _detail_figure(node: Node) -> tuple[str | None, str]:
    """Its own amount (.04 on), else the transaction's, else the instructed one (.02)."""
    details = node.one("AmtDtls") or node
    for holder in (node, details.one("TxAmt"), details.one("InstdAmt")):
        if holder is not None and holder.one("Amt"):
            return _figure(holder, "Amt")
    return None, ""


def _party(node: Node, tag: str) -> str:
    """A party's name; from .08 on it stands one level deeper, and may be a bank."""
    party = node.one("RltdPties", tag)
    if party is None:
        return ""
    agent = party.value("Agt", "FinInstnId", "Nm") or party.value("Agt", "FinInstnId", "BICFI")
    return party.value("Nm") or party.value("Pty", "Nm") or agent


def _account(node: Node, tag: str) -> str:
    return node.value("RltdPties", tag, "Id", "IBAN") or node.value(
        "RltdPties", tag, "Id", "Othr", "Id"
    )


def _agent(node: Node, tag: str) -> str:
    """Its BIC, by the name of either version, else its number in a clearing system."""
    agent = node.one("RltdAgts", tag, "FinInstnId")
    if agent is None:
        return ""
    return agent.value("BICFI") or agent.value("BIC") or agent.value("ClrSysMmbId", "MmbId")


def _card(node: Node) -> str:
    return node.value("CardTx", "Card", "PlainCardData", "PAN")


def _joined(node: Node, *paths: tuple[str, ...]) -> str:
    return " ".join(found.text for path in paths for found in node.all(*path) if found.text)


# ------------------------------------------------------------------------------- what the texts say


def entry(index: int, texts: EntryTexts) -> Entry:
    """The entry that `texts` tell of. Raises Doubt."""
    (
        written,
        currency,
        sign,
        status,
        reversal,
        booking_date,
        value_date,
        entry_reference,
        servicer_reference,
        bank_transaction_code,
        additional_information,
        batch_counts,
        batch_message_id,
        batch_id,
        charges,
        details,
        linked_message_id,
        exchange,
    ) = texts
    value = signed(written, currency, sign, "Amt")
    known = written, sign, value
    fields = (
        index,
        value,
        currency,
        status,
        reversal in _TRUE,
        day(booking_date),
        day(value_date),
        entry_reference,
        servicer_reference,
        bank_transaction_code,
        additional_information,
        _count(batch_counts) if batch_counts else None,
        batch_message_id,
        batch_id,
        tuple(map(_read_charge, charges)) if charges else (),
        tuple([_read_detail(each, currency, known) for each in details]),
        linked_message_id,
        _read_exchange(exchange, currency) if exchange else None,
    )
    return tuple.__new__(Entry, fields)  # as Entry(...) in half the time


def _read_detail(
    texts: DetailTexts, account_currency: str, known: tuple[str, str, Decimal]
) -> EntryDetail:
    """`known` is the entry's amount as written, its sign, and what they come to."""
    written, currency, sign = texts[0], texts[1], texts[27]
    if written is None:
        value = None
    elif written == known[0] and sign == known[1] and currency:
        value = known[2]
    else:
        value = signed(written, currency, sign, "NtryDtls/TxDtls")
    charges, exchange = texts[17], texts[18]
    fields = (
        value,
        *texts[1:17],
        tuple(map(_read_charge, charges)) if charges else (),
        _read_exchange(exchange, account_currency) if exchange else None,
        *texts[19:27],
    )
    return tuple.__new__(EntryDetail, fields)


def signed(written: str, currency: str, sign: str, path: str) -> Decimal:
    """An amount with its sign: a debit is negative. Raises Doubt."""
    usual = currency and _USUAL.fullmatch(written)  # past one call more for nearly all
    value = Decimal(written) if usual else unsigned(written, currency, path)
    debit = _DEBIT.get(sign)
    if debit is None:
        raise Doubt(f"its sign {sign!r} is neither credit nor debit", "CdtDbtInd")
    return value.copy_negate() if debit and value else value


def unsigned(written: str, currency: str, path: str) -> Decimal:
    """An amount without sign, as written. Raises Doubt."""
    if not currency:
        _amount(written, path)
        raise Doubt("its currency is missing", path)
    return Decimal(written) if _USUAL.fullmatch(written) else _amount(written, path)


def _amount(written: str, path: str) -> Decimal:
    try:
        value = amount(written)
    except ValueError:
        raise Doubt(f"{written!r} is no amount", path) from None
    if len(value.as_tuple().digits) > _MOST_DIGITS:
        raise Doubt(f"{written!r} is no amount", path)
    return value


def _read_charge(texts: ChargeTexts) -> Charge:
    value = unsigned(texts[0], texts[1], "Chrgs")
    given_back = texts[2] == "CRDT" and value
    return Charge(value.copy_negate() if given_back else value, texts[1], texts[3])


def _read_exchange(texts: ExchangeTexts, account_currency: str) -> Exchange | None:
    """None where nothing was exchanged: many banks repeat the amount under every name."""
    instructed, instructed_currency, counter, counter_currency, rate, source, target = texts
    foreign = {instructed_currency, counter_currency} - {"", account_currency}
    if not rate and not source and not foreign:
        return None
    return Exchange(
        _exchanged(instructed, instructed_currency),
        instructed_currency,
        _exchanged(counter, counter_currency),
        counter_currency,
        rate,
        source,
        target,
    )


def _exchanged(written: str, currency: str) -> Decimal | None:
    return unsigned(written, currency, "AmtDtls") if written or currency else None


def _count(declared: Iterable[str]) -> int | None:
    """The sum over all batches of an entry; None when no batch says, or more than can be."""
    counts = [
        int(text) for text in declared if text.isascii() and text.isdigit() and len(text) < 16
    ]
    total = sum(counts)
    return total if counts and total < _NO_COUNT else None


@lru_cache(maxsize=4096)
def day(text: str) -> date | None:
    """The day as the bank wrote it, whatever the zone; None when it is none."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None
