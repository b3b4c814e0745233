"""Yonyou (用友 U8, NC): a bank statement (银行对账单) comes as a table, one account a file.

Debit and credit are the bank's: debit is what left the account.
"""

from __future__ import annotations

from dataclasses import replace

from h2h.core.statement import StatementKind
from h2h.export.preset import Preset
from h2h.ports import FormTerms

HEADINGS = {
    "transaction_date": "交易日期",
    "debit": "借方金额",
    "credit": "贷方金额",
    "running_balance": "余额",
    "counterparty_name": "对方户名",
    "counterparty_account": "对方账号",
    "description": "摘要",
    "entry_servicer_reference": "交易流水号",
    "currency": "币种",
    "account": "本方账号",
}
_KINDS = frozenset({StatementKind.STATEMENT})


def table(form: str, headings: dict[str, str], encoding: str = "gb18030") -> FormTerms:
    """A table of booked entries, one row each, with these columns and headings."""
    return FormTerms(
        form,
        columns=tuple(headings),
        headings=tuple(headings.values()),
        encoding=encoding,
        rows="entries",
        booked=True,
        kinds=_KINDS,
    )


YONYOU = Preset(
    name="yonyou",
    title="用友 U8, NC",
    page="erp-yonyou.md",
    forms=(table("csv", HEADINGS),),
    by_account=True,
    status_reports=False,
)
YONYOU_XLSX = replace(YONYOU, name="yonyou-xlsx", forms=(table("xlsx", HEADINGS),))
