"""Microsoft Dynamics 365 Finance: electronic reporting reads camt.053, camt.054 and pain.002.

Its configurations are made for version .02.
"""

from __future__ import annotations

from h2h.core.statement import StatementKind
from h2h.export.preset import Preset
from h2h.ports import FormTerms

DYNAMICS365 = Preset(
    name="dynamics365",
    title="Microsoft Dynamics 365 Finance",
    page="erp-dynamics365.md",
    forms=(
        FormTerms(
            "camt.02", kinds=frozenset({StatementKind.STATEMENT, StatementKind.NOTIFICATION})
        ),
    ),
)
