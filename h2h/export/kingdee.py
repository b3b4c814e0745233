"""Kingdee (金蝶 K/3, KIS, 云星空): a bank statement (银行对账单) is a table, one account a file.

Date, summary and the two amounts are what its import plan (引入方案) must have; the balance is told
so that a person can compare it. Debit and credit are the bank's: debit is what left the account.
"""

from __future__ import annotations

from dataclasses import replace

from h2h.export.preset import Preset
from h2h.export.yonyou import table

HEADINGS = {
    "transaction_date": "日期",
    "description": "摘要",
    "entry_servicer_reference": "结算号",
    "debit": "借方金额",
    "credit": "贷方金额",
    "running_balance": "余额",
    "counterparty_name": "对方户名",
    "counterparty_account": "对方账号",
}

KINGDEE = Preset(
    name="kingdee",
    title="金蝶 K/3, KIS, 云星空",
    page="erp-kingdee.md",
    forms=(table("xlsx", HEADINGS),),
    by_account=True,
    status_reports=False,
)
KINGDEE_CSV = replace(KINGDEE, name="kingdee-csv", forms=(table("csv", HEADINGS),))
