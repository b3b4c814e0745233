"""The life of the files: start at `outbound.py` and `inbound.py`, each a table of steps.

`sweep.py` calls both for a whole room. The rest is what they lean on, or what looks at the same
files at its own hours: `retention.py`, `alerting.py`, `integrity.py`, `recovery.py`.
"""
