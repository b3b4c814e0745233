"""Oracle NetSuite: the default parser reads camt.053.001.06 and nothing near it.

Names have at most 50 characters with their ending, and files are UTF-8.
"""

from __future__ import annotations

from h2h.core.statement import StatementKind
from h2h.export.preset import Preset
from h2h.ports import FormTerms

NETSUITE = Preset(
    name="netsuite",
    title="Oracle NetSuite",
    page="erp-netsuite.md",
    forms=(FormTerms("camt.06", kinds=frozenset({StatementKind.STATEMENT})),),
    file_name="{account}_{date:%Y%m%d}_{id}",
    longest_name=50,
    status_reports=False,
)
