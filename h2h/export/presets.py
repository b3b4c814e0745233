"""The presets by their names in config.toml."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from h2h.export.dynamics365 import DYNAMICS365
from h2h.export.kingdee import KINGDEE, KINGDEE_CSV
from h2h.export.netsuite import NETSUITE
from h2h.export.odoo import ODOO
from h2h.export.oracle_fusion import ORACLE_FUSION, ORACLE_FUSION_BAI2
from h2h.export.preset import Preset
from h2h.export.sap import SAP
from h2h.export.yonyou import YONYOU, YONYOU_XLSX

_ALL = (
    SAP,
    ORACLE_FUSION,
    ORACLE_FUSION_BAI2,
    DYNAMICS365,
    NETSUITE,
    ODOO,
    YONYOU,
    YONYOU_XLSX,
    KINGDEE,
    KINGDEE_CSV,
)
PRESETS: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in _ALL})
