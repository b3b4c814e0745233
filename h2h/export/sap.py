"""SAP ERP and S/4HANA: FEB_FILE_HANDLING reads folders of the application server.

It takes camt.053.001.02 and camt.054.001.02 (CGI), MT940, MT942 and BAI; anything else goes through
FF_5 by hand. Two forms of one statement would be posted twice, so there is one for each kind.
"""

from __future__ import annotations

from h2h.core.statement import StatementKind
from h2h.export.preset import Preset
from h2h.ports import FormTerms

SAP = Preset(
    name="sap",
    title="SAP",
    page="erp-sap.md",
    forms=(
        FormTerms(
            "camt.02", kinds=frozenset({StatementKind.STATEMENT, StatementKind.NOTIFICATION})
        ),
        FormTerms("mt942", kinds=frozenset({StatementKind.INTRADAY})),
    ),
    in_order=True,  # its own check of the opening balance refuses a statement that comes too early
)
