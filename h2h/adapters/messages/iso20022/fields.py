"""Where the fields of a payment file stand: paths below a payment, a batch, the group header.

A path is the tags from there, `Cdtr/PstlAdr/TwnNm`, an attribute behind `@`. In a collection
(pain.008) debtor and creditor change places: the paths are written for the credit transfer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter

from h2h.core.payment import LINE, Columns

Leaves = Sequence[tuple[str, str]]  # path and text, in the order of the file

_DAY, _DAY_OF_COLLECTION = "ReqdExctnDt", "ReqdColltnDt"
_SIDES = {"Cdtr": "Dbtr", "Dbtr": "Cdtr"}


def _agent(prefix: str, tag: str) -> dict[str, tuple[str, ...]]:
    bank = f"{tag}/FinInstnId"
    return {
        f"{prefix}_bic": (f"{bank}/BICFI", f"{bank}/BIC"),
        f"{prefix}_member": (f"{bank}/ClrSysMmbId/MmbId",),
        f"{prefix}_member_scheme": (
            f"{bank}/ClrSysMmbId/ClrSysId/Cd",
            f"{bank}/ClrSysMmbId/ClrSysId/Prtry",
        ),
        f"{prefix}_name": (f"{bank}/Nm",),
        f"{prefix}_lei": (f"{bank}/LEI",),
        **_address(f"{prefix}_", bank),
    }


def _address(prefix: str, tag: str) -> dict[str, tuple[str, ...]]:
    address = f"{tag}/PstlAdr"
    return {
        f"{prefix}town": (f"{address}/TwnNm",),
        f"{prefix}country": (f"{address}/Ctry",),
        f"{prefix}address_lines": (f"{address}/AdrLine",),
        # whatever else an address has: a path that ends in / stands for all below it
        f"{prefix}address_parts": (f"{address}/",),
    }


def _coded(path: str) -> tuple[str, str]:
    return f"{path}/Cd", f"{path}/Prtry"


_PAYMENT_TYPE = {
    "service_level": _coded("PmtTpInf/SvcLvl"),
    "local_instrument": _coded("PmtTpInf/LclInstrm"),
    "category_purpose": _coded("PmtTpInf/CtgyPurp"),
    "charge_bearer": ("ChrgBr",),
}
_PAYMENT = {
    "instruction_id": ("PmtId/InstrId",),
    "end_to_end_id": ("PmtId/EndToEndId",),
    "uetr": ("PmtId/UETR",),
    "amount": ("Amt/InstdAmt", "Amt/EqvtAmt/Amt", "InstdAmt"),
    "currency": ("Amt/InstdAmt@Ccy", "Amt/EqvtAmt/Amt@Ccy", "InstdAmt@Ccy"),
    **_PAYMENT_TYPE,
    "name": ("Cdtr/Nm",),
    "country_of_residence": ("Cdtr/CtryOfRes",),
    "lei": ("Cdtr/Id/OrgId/LEI",),
    **_address("", "Cdtr"),
    "iban": ("CdtrAcct/Id/IBAN",),
    "number": ("CdtrAcct/Id/Othr/Id",),
    "account_currency": ("CdtrAcct/Ccy",),
    "agent_iban": ("CdtrAgtAcct/Id/IBAN",),
    "intermediary_iban": tuple(f"IntrmyAgt{number}Acct/Id/IBAN" for number in (1, 2, 3)),
    **_agent("agent", "CdtrAgt"),
    **_agent("intermediary", "IntrmyAgt1"),
    "ultimate_debtor": ("UltmtDbtr/Nm",),
    **_address("ultimate_debtor_", "UltmtDbtr"),
    "ultimate_creditor": ("UltmtCdtr/Nm",),
    **_address("ultimate_creditor_", "UltmtCdtr"),
    "purpose": _coded("Purp"),
    "instruction_for_agent": ("InstrForCdtrAgt/Cd",),
    "regulatory_codes": ("RgltryRptg/Dtls/Cd",),
    "regulatory_information": ("RgltryRptg/Dtls/Inf",),
    "reference": ("RmtInf/Strd/CdtrRefInf/Ref",),
    "reference_type": _coded("RmtInf/Strd/CdtrRefInf/Tp/CdOrPrtry"),
    "reference_issuer": ("RmtInf/Strd/CdtrRefInf/Tp/Issr",),
    "remittance": ("RmtInf/Ustrd",),
    "mandate_id": ("DrctDbtTx/MndtRltdInf/MndtId",),
    "mandate_date": ("DrctDbtTx/MndtRltdInf/DtOfSgntr",),
}
_BATCH = {
    "id": ("PmtInfId",),
    "method": ("PmtMtd",),
    "transactions": ("NbOfTxs",),
    "control_sum": ("CtrlSum",),
    # a date, or from version 08 a choice of Dt and DtTm
    "requested_execution_date": ("ReqdExctnDt/Dt", "ReqdExctnDt/DtTm", "ReqdExctnDt"),
    **_PAYMENT_TYPE,
    "sequence_type": ("PmtTpInf/SeqTp",),
    "name": ("Dbtr/Nm",),
    "lei": ("Dbtr/Id/OrgId/LEI",),
    **_address("", "Dbtr"),
    "iban": ("DbtrAcct/Id/IBAN",),
    "number": ("DbtrAcct/Id/Othr/Id",),
    "account_currency": ("DbtrAcct/Ccy",),
    "charges_iban": ("ChrgsAcct/Id/IBAN",),
    "agent_iban": ("DbtrAgtAcct/Id/IBAN",),
    **_agent("agent", "DbtrAgt"),
    "ultimate_name": ("UltmtDbtr/Nm",),
    **_address("ultimate_", "UltmtDbtr"),
    # not swapped: only a collection has one
    "creditor_scheme_id": ("CdtrSchmeId/Id/PrvtId/Othr/Id",),
}
_HEADER = {
    "message_id": ("MsgId",),
    "created": ("CreDtTm",),
    "transactions": ("NbOfTxs",),
    "control_sum": ("CtrlSum",),
    "authorisations": _coded("Authstn"),
    "party_name": ("InitgPty/Nm",),
    "party_lei": ("InitgPty/Id/OrgId/LEI",),
    "party_bic": ("InitgPty/Id/OrgId/AnyBIC", "InitgPty/Id/OrgId/BICOrBEI"),
    "party_id": ("InitgPty/Id/OrgId/Othr/Id", "InitgPty/Id/PrvtId/Othr/Id"),
}
_ONLY_IN_COLLECTIONS = frozenset({"creditor_scheme_id"})


def _swapped(path: str) -> str:
    if path.startswith(_DAY):
        return _DAY_OF_COLLECTION + path.removeprefix(_DAY)
    for side, other in _SIDES.items():
        for start in (side, f"Ultmt{side}", f"InstrFor{side}Agt"):
            if path.startswith(start):
                return start.replace(side, other) + path[len(start) :]
    return path


@dataclass(frozen=True)
class Kind:
    """The two kinds of initiation: tags of their parts, and the paths of every field."""

    body: str
    payment: str
    collection: bool

    @cached_property
    def payment_paths(self) -> Mapping[str, Sequence[str]]:
        """By field of Columns."""
        return self._paths(_PAYMENT)

    @cached_property
    def batch_paths(self) -> Mapping[str, Sequence[str]]:
        """By field of a batch."""
        return self._paths(_BATCH)

    @cached_property
    def header_paths(self) -> Mapping[str, Sequence[str]]:
        """By field of the group header."""
        return _HEADER

    def _paths(self, paths: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
        if not self.collection:
            return paths
        return {
            field: each if field in _ONLY_IN_COLLECTIONS else tuple(map(_swapped, each))
            for field, each in paths.items()
        }


TRANSFER = Kind("CstmrCdtTrfInitn", "CdtTrfTxInf", collection=False)
COLLECTION = Kind("CstmrDrctDbtInitn", "DrctDbtTxInf", collection=True)


def kind_of(message: str) -> Kind:
    """The kind of "pain.001.001.09" or "pain.008.001.02"."""
    return COLLECTION if message.startswith("pain.008") else TRANSFER


class Finder:
    """Says which field a path belongs to."""

    def __init__(self, paths: Mapping[str, Sequence[str]]) -> None:
        self._fields = {path: field for field, each in paths.items() for path in each}

    def field(self, path: str) -> str | None:
        """The field of `path`; None when nobody asks for it."""
        found = self._fields.get(path)
        if found is None and not path.endswith("/PstlAdr/AdrTp"):
            found = self._fields.get(path[: path.rfind("/") + 1])
        return found

    def read(self, leaves: Leaves) -> dict[str, str]:
        """The text of each field that is there; what comes several times is joined by LINE."""
        found: dict[str, str] = {}
        for path, text in leaves:
            if (field := self.field(path)) is not None:
                found[field] = f"{found[field]}{LINE}{text}" if field in found else text
        return found


class Plan:
    """Puts the texts of a payment's leaves, whose paths are known, in the order of Columns."""

    def __init__(self, finder: Finder, paths: Sequence[str]) -> None:
        places: dict[str, list[int]] = {}
        for at, path in enumerate(paths):
            if (field := finder.field(path)) is not None:
                places.setdefault(field, []).append(at)
        several = {name: found for name, found in places.items() if found[1:]}
        # `row` appends to the texts the empty one, and those that are joined of several
        order = {name: found[0] for name, found in places.items()}
        order |= {name: len(paths) + 1 + at for at, name in enumerate(several)}
        self._fields = itemgetter(*(order.get(name, len(paths)) for name in Columns._fields))
        self._several = [itemgetter(*found) for found in several.values()]

    def row(self, texts: tuple[str, ...]) -> tuple[str, ...]:
        """One payment's fields; `texts` belong to the paths, one each."""
        joined = [LINE.join(several(texts)) for several in self._several]
        row: tuple[str, ...] = self._fields((*texts, "", *joined))
        return row
