"""Reports: what a period came to, as tables that are shown, printed, or calculated with.

`making` knows them all; each has a file of its own that asks the ledger and fills `table.Report`.
`render` writes one as HTML, PDF, XLSX, CSV or JSON, `schedule` makes those that are due.
"""
