"""The life of the files: start at `outbound.py` and `inbound.py`, each a table of steps.

`waves.py` takes the payment files of a room through theirs, many at once; `sweep.py` is what a pass
over the room has in hand. The rest is what they lean on, or what looks at the same
files at its own hours: `retention.py`, `alerting.py`, `integrity.py`, `recovery.py`.
"""
