"""What the ledger adds up to: for the console, the shell, and reports that make themselves."""
