"""What the versions of the account reports call or arrange differently, without a loss.

An element is brought into the arrangement of the target by the tags that the target knows there:
first its own rule, then the names. What is still unknown afterwards has no place in the target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from lxml import etree

from h2h.adapters.messages.iso20022.structure import Part, Type, Types
from h2h.adapters.messages.iso20022.xml import Element
from h2h.core.money import amount

# Other names for the same, everywhere or in one parent only.
RENAMED = {
    "BICFI": "BIC",
    "BIC": "BICFI",  # the older name in a newer message: the commonest slip of all
    "AnyBIC": "BICOrBEI",
    "AdmstnZone": "AdmstnZn",
    "Chrgs/Agt": "Pty",
    "CorpActn/EvtTp": "Cd",
    "CorpActn/EvtId": "Nb",
    "FinInstrmId/OthrId": "Prtry",
    "SfkpgAcct/Tp/Id": "Prtry",
}
# Elements that only group: their parts stand in the parent itself, under these names.
GROUPS: Mapping[str, Mapping[str, str]] = {
    "Pty": {},
    "TtlNetNtry": {"Amt": "TtlNetNtryAmt"},
    "RmtLctnDtls": {
        "Mtd": "RmtLctnMtd",
        "ElctrncAdr": "RmtLctnElctrncAdr",
        "PstlAdr": "RmtLctnPstlAdr",
    },
}
# Where a single value is due, the parts that may be it; where parts are due, those a value may be.
CORES = ("Cd", "Prtry", "Val", "Amt", "Dt")
WRAPS = ("Cd", "Prtry", "Dt", "DtTm", "Othr", "Id")
# Where a value is due and the bank's has no place. An entry that is neither booked nor pending (an
# announced one, or of the bank's own status) is information; never may it count as booked.
SUBSTITUTES = {"Sts": "INFO"}

_AMOUNTS = ("InstdAmt", "TxAmt", "CntrValAmt", "AnncdPstngAmt")
_LINES = 7  # of an address
_LONGEST_LINE = 70
_NO_ACCOUNT = "NOTPROVIDED"
_LONGEST_ACCOUNT = 34


class Note(NamedTuple):
    """What was put into another place, or taken from there (`taken`)."""

    name: str
    where: str
    taken: bool = False


class Place(NamedTuple):
    """Where an element goes: the types of the target, and the one of this element."""

    types: Types
    type: Type
    notes: list[Note]

    def lacks(self, *path: str) -> bool:
        """Does the target not know `path` here?"""
        kind: Type | None = self.type
        for tag in path:
            part = kind.parts.get(tag) if kind else None
            kind = self.types[part.type] if part else None
        return kind is None

    def demands(self, tag: str) -> bool:
        part: Part | None = self.type.parts.get(tag)
        return part is not None and part.fewest > 0


Rule = Callable[[Element, Place], None]


def reshape(element: Element, place: Place) -> None:
    """Arrange the children of `element`, in place, as the target has them."""
    tag = local(element)
    if rule := RULES.get(tag):
        rule(element, place)
    if not place.lacks("Nm"):
        _agent(element, place)
    for name, found in _unknown(element, place).items():
        # of groups the first: the parts of two would be taken for those of one
        for each in found[: 1 if name in GROUPS else None]:
            _rename(element, each, place)
    if not place.lacks("AdrLine"):
        _lines(element, place)


def local(element: Element) -> str:
    """The name of an element without its name space."""
    return str(element.tag).rpartition("}")[2]


def like(element: Element, tag: str) -> Element:
    """A new element of the name space of `element`."""
    return etree.Element(_in(element, tag))


def _in(element: Element, tag: str) -> str:
    """`tag` in the name space of `element`, as lxml writes it."""
    return str(element.tag).rpartition("}")[0] + "}" + tag


def child(element: Element, *path: str) -> Element | None:
    """The first element at `path`, whatever its name space."""
    found: Element | None = element
    for tag in path:
        found = found.find(f"{{*}}{tag}") if found is not None else None
    return found


def _unknown(element: Element, place: Place) -> Mapping[str, list[Element]]:
    """The children that the target does not know here, by name."""
    unknown: dict[str, list[Element]] = {}
    for each in element:
        if (name := local(each)) not in place.type.parts:
            unknown.setdefault(name, []).append(each)
    return unknown


def _rename(parent: Element, found: Element, place: Place) -> None:
    name, known = local(found), place.type.parts
    above = local(parent)
    grandparent = parent.getparent()
    higher = local(grandparent) if grandparent is not None else ""
    names = (f"{higher}/{above}/{name}", f"{above}/{name}", name)
    new = next((RENAMED[path] for path in names if path in RENAMED), "")
    if new in known:
        _retag(found, new)
    elif name in GROUPS:
        for part in list(found):
            _retag(part, GROUPS[name].get(local(part), local(part)))
            found.addprevious(part)
            if local(part) not in known:
                _rename(parent, part, place)
        parent.remove(found)


def _retag(element: Element, tag: str) -> None:
    element.tag = _in(element, tag)


def _created(report: Element, place: Place) -> None:
    """A report may go without its own creation time from .08 on."""
    body = report.getparent()
    created = child(body, "GrpHdr", "CreDtTm") if body is not None else None
    if place.demands("CreDtTm") and child(report, "CreDtTm") is None and created is not None:
        report.insert(0, _copied(created, "CreDtTm"))
        place.notes.append(Note("CreDtTm", "GrpHdr", taken=True))


# ---------------------------------------------------------------------------- parties and accounts


def _agent(party: Element, place: Place) -> None:
    """A bank that is a party: the older versions know it by its name and BIC only."""
    agent = child(party, "Agt")
    bank = child(party, "Agt", "FinInstnId")
    if agent is None or bank is None or not place.lacks("Agt"):
        return
    bic, name, address = (child(bank, tag) for tag in ("BICFI", "Nm", "PstlAdr"))
    if bic is not None:
        _filled(party, ("Id", "OrgId", "AnyBIC"), bic.text or "")
        bank.remove(bic)
        if name is None:
            _filled(party, ("Nm",), bic.text or "")
    party.extend(part for part in (name, address) if part is not None)


def _account(account: Element, place: Place) -> None:
    """The account of a report must have a number up to .08; a proxy stands for it."""
    if child(account, "Id") is not None or not place.demands("Id"):
        return
    proxy = child(account, "Prxy", "Id")
    number = (proxy.text or "") if proxy is not None else ""
    fits = 0 < len(number) <= _LONGEST_ACCOUNT
    _filled(account, ("Id", "Othr", "Id"), number if fits else _NO_ACCOUNT)
    place.notes.append(Note("Acct/Id", "Prxy/Id" if fits else _NO_ACCOUNT, taken=True))


def _filled(element: Element, path: Sequence[str], text: str) -> None:
    """Add the value `text` at `path` below an element."""
    for tag in path:
        element = etree.SubElement(element, _in(element, tag))
    element.text = text


def _lines(address: Element, place: Place) -> None:
    """Parts of an address that the target lacks are lines of it while there is room."""
    count = len(address.findall("{*}AdrLine"))
    for part in list(address):
        name, text = local(part), f"{local(part)}: {part.text or ''}"
        unknown = name not in place.type.parts and not len(part)
        if unknown and count < _LINES and len(text) <= _LONGEST_LINE:
            place.notes.append(Note(name, "AdrLine"))
            _retag(part, "AdrLine")
            part.text = text
            address.append(part)
            count += 1


# ------------------------------------------------------------------------------------------ money


def _records(holder: Element, place: Place) -> None:
    """Charges and interest: a record is an element of its own in .02, the first has the sum."""
    for tag, total in (("Chrgs", "TtlChrgsAndTaxAmt"), ("Intrst", "TtlIntrstAndTaxAmt")):
        if place.lacks(tag) or not place.lacks(tag, "Rcrd"):
            continue
        for block in holder.findall(f"{{*}}{tag}"):
            _split(block, tag, child(block, total), place)


def _split(block: Element, tag: str, total: Element | None, place: Place) -> None:
    records = block.findall("{*}Rcrd")
    for record in records:
        _retag(record, tag)
        block.addprevious(record)
    if records and total is not None:
        records[0].insert(0, total)
    elif total is not None and tag == "Chrgs" and child(block, "Amt") is None:
        block.insert(1, _copied(total, "Amt"))
        place.notes.append(Note("Chrgs/Amt", "TtlChrgsAndTaxAmt", taken=True))


def _transaction(details: Element, place: Place) -> None:
    """The amount and sign of a transaction: its own from .04 on, in AmtDtls before."""
    _records(details, place)
    if place.lacks("Amt"):
        _as_details(details, place)
        return
    if not place.demands("Amt"):
        return
    entry = _parent(_parent(details))
    if child(details, "Amt") is None:
        _own_amount(details, entry, place)
    sign = child(entry, "CdtDbtInd")
    needed = child(details, "Amt") is not None and child(details, "CdtDbtInd") is None
    if needed and sign is not None:
        details.insert(0, _copied(sign, "CdtDbtInd"))
        place.notes.append(Note("CdtDbtInd", "Ntry", taken=True))


def _own_amount(details: Element, entry: Element, place: Place) -> None:
    """Taken only from where the same figure stands; else the transaction cannot be one there."""
    amounts = {
        "AmtDtls/TxAmt": child(details, "AmtDtls", "TxAmt", "Amt"),
        "Ntry": child(entry, "Amt") if _sole(entry) else None,
    }
    where, found = next(((w, f) for w, f in amounts.items() if f is not None), ("", None))
    if found is not None:
        details.insert(0, _copied(found, "Amt"))
        place.notes.append(Note("Amt", where, taken=True))


def _sole(entry: Element) -> bool:
    """Is the one transaction told all that the entry is?"""
    counts = {count.text for count in entry.findall("{*}NtryDtls/{*}Btch/{*}NbOfTxs")}
    return len(entry.findall("{*}NtryDtls/{*}TxDtls")) == 1 and counts <= {"1"}


def _as_details(details: Element, place: Place) -> None:
    """Version .02: the amount is that of AmtDtls/TxAmt and has the sign of its entry.

    Another amount that stood there, and every amount of the other sign, becomes a proprietary one:
    nobody may add it up by mistake.
    """
    own, sign = child(details, "Amt"), child(details, "CdtDbtInd")
    of_entry = child(_parent(_parent(details)), "CdtDbtInd")
    amounts = child(details, "AmtDtls")
    if amounts is None:
        amounts = etree.SubElement(details, _in(details, "AmtDtls"))
    if sign is not None and of_entry is not None and _text(sign) != _text(of_entry):
        for holder, tag in ((details, "Amt"), *((amounts, tag) for tag in _AMOUNTS)):
            _proprietary(holder, amounts, tag, place, f"{_text(sign)} ")
    else:
        _plain(own, amounts, place)
        if sign is not None:
            details.remove(sign)
    if not len(amounts):
        details.remove(amounts)


def _plain(own: Element | None, amounts: Element, place: Place) -> None:
    """The transaction's own amount as that of AmtDtls/TxAmt."""
    if own is None:
        return
    former = child(amounts, "TxAmt", "Amt")
    if former is not None and _same(own, former):
        _parent(own).remove(own)
        return
    _proprietary(amounts, amounts, "TxAmt", place)
    transaction = like(amounts, "TxAmt")
    amounts.insert(0 if child(amounts, "InstdAmt") is None else 1, transaction)
    transaction.append(own)


def _proprietary(holder: Element, amounts: Element, tag: str, place: Place, word: str = "") -> None:
    """Make what stands as `tag` in `holder` a proprietary one of the `amounts`, the last there."""
    found = child(holder, tag)
    if found is None:
        return
    place.notes.append(Note(tag, "PrtryAmt"))
    proprietary, kind = like(amounts, "PrtryAmt"), like(amounts, "Tp")
    kind.text = word + tag
    proprietary.extend([kind, *([*found] or [found])])
    if found.getparent() is holder:
        holder.remove(found)
    amounts.append(proprietary)


def _same(one: Element, other: Element | None) -> bool:
    """The same money; what is no number is the same only as text."""
    if other is None or one.get("Ccy") != other.get("Ccy"):
        return False
    return _figure(one) == _figure(other)


def _figure(element: Element) -> Decimal | str:
    try:
        return amount(_text(element))
    except ValueError:
        return _text(element)


def _text(element: Element) -> str:
    return (element.text or "").strip()


def _copied(element: Element, tag: str) -> Element:
    """A copy under another name."""
    copy = like(element, tag)
    copy.text = element.text
    copy.attrib.update(element.attrib)
    return copy


def _parent(element: Element) -> Element:
    parent = element.getparent()
    assert parent is not None  # noqa: S101 - it was found in its parent
    return parent


RULES: Mapping[str, Rule] = {
    "Rpt": _created,
    "Stmt": _created,
    "Ntfctn": _created,
    "Ntry": _records,
    "TxDtls": _transaction,
    "Acct": _account,
}
