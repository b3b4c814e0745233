"""What the ERP is handed, in the form that it imports (see docs/exports.md).

`exporter` knows which form is made of what: `delimited` (CSV), `json_lines` and `workbook` (XLSX)
write the columns of `columns`, the rest is made by `adapters.messages`. Status reports are rows too
(`reports`). A file a system for the ERPs that many have; `presets` lists them.
"""

from __future__ import annotations

from h2h.export.exporter import FORMS, ErpExporter
from h2h.export.json_lines import entry_object
from h2h.export.preset import Preset
from h2h.export.presets import PRESETS

__all__ = ["FORMS", "PRESETS", "ErpExporter", "Preset", "entry_object"]
