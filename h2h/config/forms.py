"""Which keys of a form say something in which forms, and what a form can be made of."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_TABLES = ("csv", "xlsx")
# A key that is not here is for all forms.
FOR: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "columns": _TABLES,
        "headings": _TABLES,
        "separator": ("csv",),
        "decimal_mark": ("csv",),
        "encoding": ("csv",),
        "date_format": _TABLES,
        "header": _TABLES,
        "rows": _TABLES,
        "booked": ("csv", "jsonl", "xlsx"),
        "bank": ("bai2",),
        "customer": ("bai2",),
    }
)
# A form that is not here is made of every kind of statement.
KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"mt940": ("statement",), "mt942": ("intraday", "notification")}
)


def ignored(form: str, key: str) -> str:
    """Why `key` says nothing in `form`, in words that follow "no such key"; "" when it does."""
    forms = FOR.get(key)
    return "" if forms is None or form in forms else f"in {form}: it is for {', '.join(forms)}"
