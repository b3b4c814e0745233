"""h2h moves money files between a company's ERP and its banks, file by file.

Start in `flows/` at `outbound.py` (the life of a payment file) and `inbound.py` (the life of a
bank file): each is a table of steps. `desk/` holds what a person may do. What is decided lies in
`core/`, pure; what touches the world lies in `adapters/`, behind the Protocols of `ports/`;
`wiring.py` alone knows both. `cli/`, `console/` and `daemon.py` are the ways in.
"""
