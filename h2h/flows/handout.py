"""A dossier for the auditor: its contents opened, and the chain from its first record on."""

from __future__ import annotations

import shutil
from pathlib import Path

from h2h.core.chain import Head
from h2h.core.words import say
from h2h.errors import Refused
from h2h.ports import Archive, Dossier, File, Ledger

CHAIN = "chain.jsonl"


def dossier_of(identity: str, ledger: Ledger, archive: Archive) -> tuple[File, Dossier]:
    """A file and what lies in its dossier; Refused when either is not there."""
    file = ledger.file(identity)
    if file is None:
        words = say("there is no file {id}", id=identity)
        raise Refused(words, say("`h2h archive find` lists the ids"))
    dossier = archive.dossier(file.id)
    if dossier is None:
        words = say("the dossier of {id} is missing", id=file.id)
        raise Refused(words, say("Restore the archive's backup, then run `h2h archive verify`"))
    return file, dossier


def hand_out(identity: str, ledger: Ledger, archive: Archive, folder: Path) -> tuple[int, Head]:
    """Copy a dossier and its proof into `folder`, which is there: (records of the chain, head)."""
    file, dossier = dossier_of(identity, ledger, archive)
    for name, plain in dossier.contents.items():
        shutil.copyfile(plain, folder / name)
    for name in dossier.at_rest.keys() - dossier.contents.keys():
        archive.open(dossier.file_id, name, folder / name)
    for name, text in (("manifest.json", dossier.manifest), ("moves.jsonl", dossier.moves)):
        if text is not None:
            (folder / name).write_bytes(text)
    return _prove(file, ledger, folder / CHAIN)


def _prove(file: File, ledger: Ledger, target: Path) -> tuple[int, Head]:
    first = ledger.moves(file.id)[0].sequence
    written = 0
    with ledger.snapshot() as snapshot, target.open("w") as lines:
        for link in snapshot.links(first - 1):
            lines.write(link.line())
            written += 1
        return written, snapshot.head()
