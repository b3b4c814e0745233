"""What the reason codes of banks mean: ISO 20022 external status, return and cancellation reasons,
those that banks give for credit transfers and direct debits, in our own words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from h2h.core.words import say

MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "AC01": say("the account number is wrong"),
        "AC02": say("the debtor's account number is wrong"),
        "AC03": say("the creditor's account number is wrong"),
        "AC04": say("the account is closed"),
        "AC06": say("the account is blocked"),
        "AC13": say("the debtor's account is a consumer's"),
        "AC14": say("an agent of the creditor is wrong"),
        "AG01": say("this kind of transaction is forbidden on the account"),
        "AG02": say("the transaction code or the sequence type is wrong"),
        "AM01": say("the amount is zero"),
        "AM02": say("the amount is larger than permitted"),
        "AM03": say("the currency cannot be processed"),
        "AM04": say("there are not enough funds"),
        "AM05": say("it was sent twice"),
        "AM09": say("the amount is not the agreed one"),
        "AM10": say("the control sum is wrong"),
        "BE01": say("the name does not fit the account"),
        "BE04": say("the creditor's address is missing or wrong"),
        "BE05": say("the initiating party is not known"),
        "CNOR": say("the creditor's bank is not registered"),
        "CURR": say("the currency is wrong"),
        "CUST": say("asked for by the customer"),
        "CUTA": say("cancelled: an investigation was asked for"),
        "DNOR": say("the debtor's bank is not registered"),
        "DT01": say("the date is wrong"),
        "DU01": say("the message id was used before"),
        "DUPL": say("it is a duplicate payment"),
        "ED05": say("the settlement failed"),
        "FF01": say("the file format is wrong"),
        "FOCR": say("returned after a recall"),
        "FR01": say("returned for fraud"),
        "LEGL": say("forbidden by law or by a court"),
        "MD01": say("there is no valid mandate"),
        "MD02": say("the mandate's data are missing or wrong"),
        "MD06": say("the debtor asked for a refund"),
        "MD07": say("the account's owner has died"),
        "MS02": say("the customer's reason is not given"),
        "MS03": say("the bank's reason is not given"),
        "NARR": say("the reason is told in words"),
        "RC01": say("the bank's identifier is wrong"),
        "RR01": say("the debtor's account or identification is missing"),
        "RR02": say("the debtor's name or address is missing"),
        "RR03": say("the creditor's name or address is missing"),
        "RR04": say("for regulatory reasons"),
        "SL01": say("a service of the debtor's bank forbids it"),
        "TECH": say("a technical problem"),
        "TM01": say("it came after the cut-off time"),
    }
)


def split(reason: str) -> tuple[str, str]:
    """The code of a bank's reason ("" where it begins with none), and its own words."""
    code, _, words = reason.partition(" ")
    looks_so = len(code.rstrip(";")) == 4 and code[:4].isalnum() and code[:4].isupper()
    return (code[:4], words) if looks_so else ("", reason)


def meaning(code: str, words: str = "") -> str:
    """What a code means, else what the bank said."""
    return MEANINGS.get(code, words)
