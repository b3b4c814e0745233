"""What an ERP is known to import: the values that a receiver in config.toml starts from."""

from __future__ import annotations

from dataclasses import dataclass

from h2h.ports import FormTerms

FILE_NAME = "{bank}_{account}_{date:%Y%m%d}_{sequence}_{id}"
LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Preset:
    """The defaults of one ERP; whatever a receiver's own table says goes before them.

    `file_name` is a template of core.naming.fitted without the ending, which is the form's;
    `longest_name` counts the characters of both.
    """

    name: str  # as config.toml names it
    title: str  # as its maker does
    page: str  # of docs/
    forms: tuple[FormTerms, ...]
    file_name: str = FILE_NAME
    longest_name: int = LONGEST_NAME
    by_account: bool = False  # a file with several accounts is split
    in_order: bool = False  # a statement waits for the one before it
    status_reports: bool = True  # it reads pain.002
    documents: str = "none"  # it has no place for documents beside statements
    marker: str = ""
