"""Oracle Fusion Cloud Cash Management: "Load Bank Statements" retrieves one file at a time.

It knows camt.053.001.01 to .03 and BAI2, takes a file only with the ending .txt, .dat, .csv, .xml
or .ack, and reads camt.052 in a version that no bank sends any more.
"""

from __future__ import annotations

from dataclasses import replace

from h2h.core.statement import StatementKind
from h2h.export.preset import Preset
from h2h.ports import FormTerms

ORACLE_FUSION = Preset(
    name="oracle-fusion",
    title="Oracle Fusion Cloud",
    page="erp-oracle-fusion.md",
    forms=(FormTerms("camt.02", kinds=frozenset({StatementKind.STATEMENT})),),
    status_reports=False,
)
ORACLE_FUSION_BAI2 = replace(
    ORACLE_FUSION,
    name="oracle-fusion-bai2",
    forms=(FormTerms("bai2", kinds=frozenset({StatementKind.STATEMENT}), ending=".txt"),),
)
