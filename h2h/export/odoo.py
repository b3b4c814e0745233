"""Odoo: a bank journal imports camt.053; one file belongs to one journal, so to one account."""

from __future__ import annotations

from h2h.core.statement import StatementKind
from h2h.export.preset import Preset
from h2h.ports import FormTerms

ODOO = Preset(
    name="odoo",
    title="Odoo",
    page="erp-odoo.md",
    forms=(FormTerms("camt.02", kinds=frozenset({StatementKind.STATEMENT})),),
    by_account=True,
    status_reports=False,
)
