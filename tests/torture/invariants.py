"""The invariants I1 to I7, judged by somebody who was not there.

This checker knows no code of h2h. It reads what lies on disk: the ERP's folders, the ledger's
tables by plain SQL, the dossiers, and the bank's own log of what became visible to it. `broken` may
be asked at every moment at which no h2h is running; what it finds is a sentence each.

I1 every file that was dropped lies in exactly one place: its door, or one dossier
I2 the bank has none of a payment before its delivery is announced, one afterwards, never two
I3 nothing that the bank sees under a final name is incomplete
I4 nothing goes out that was not found good; nothing is booked that is not authentic
I5 every change of state has one record in one chain
I6 opening balance and entries give the closing balance; nothing is booked twice
I7 whatever stopped says why, and the ERP has its answer
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path

GENESIS = "0" * 64
BEFORE = frozenset(
    {"claiming", "claimed", "valid", "awaiting_approval", "approved", "sealed", "staged", "held"}
)
ANNOUNCED = frozenset({"delivering", "in_doubt"})
NEVER = frozenset({"invalid", "duplicate", "cancelled"})
STOPPED = frozenset({"held", "invalid", "duplicate", "quarantined", "in_doubt"})
ANSWERED = frozenset({"held", "in_doubt", "sent", "accepted", "rejected"}) | NEVER
_PAYMENT = re.compile(rb"<CdtTrfTxInf>.*?</CdtTrfTxInf>", re.DOTALL)
_MESSAGE = re.compile(rb"<MsgId>(.*?)</MsgId>")
_IDENTITY = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (rb"<EndToEndId>(.*?)<", rb"<InstdAmt.*?>(.*?)<", rb"<CdtrAcct>.*?<IBAN>(.*?)<")
)


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Place:
    """Where everything lies. `bank` are the folders in which the bank shows final names to itself;
    `offered` those in which it lays files for us, and into which we may move them."""

    doors: Sequence[Path]
    inbox: Path
    archive: Path
    ledger: Path
    deliveries: Path  # the bank's own log: `sha256 name` for each file that became visible
    bank: Sequence[Path]
    offered: Sequence[Path]
    marker: str = ""


@dataclass(frozen=True)
class Told:
    """What ERP and bank know of what they did themselves."""

    dropped: Sequence[bytes]  # every file, a second time if it was dropped twice
    bad: frozenset[str] = frozenset()  # sha256 of what must never go out
    offered: Sequence[bytes] = ()
    forged: frozenset[str] = frozenset()  # sha256 of what must never be booked


def broken(place: Place, told: Told) -> list[str]:
    """Every invariant that does not hold, in words; [] when all do."""
    view = _View(place, told)
    return [f"{name}: {words}" for name, check in _CHECKS.items() for words in check(view)]


class _View:
    """What lies on disk, read once."""

    def __init__(self, place: Place, told: Told) -> None:
        self.place, self.told = place, told
        with closing(sqlite3.connect(f"file:{place.ledger}?mode=ro", uri=True)) as ledger:
            ledger.row_factory = sqlite3.Row
            self.files = [*ledger.execute("SELECT * FROM files ORDER BY id")]
            self.moves = [*ledger.execute("SELECT * FROM moves ORDER BY sequence")]
            self.statements = [*ledger.execute("SELECT * FROM statements")]
            self.entries = [*ledger.execute("SELECT * FROM entries")]
            self.handing = {row[0] for row in ledger.execute("SELECT file_id FROM hand_overs")}
        self.outgoing = [row for row in self.files if row["direction"] == "out"]
        lines = place.deliveries.read_text().splitlines()
        self.received = Counter(tuple(line.split(maxsplit=1)) for line in lines)

    @cached_property
    def dossiers(self) -> dict[str, Path]:
        return {path.name: path for path in self.place.archive.glob("[0-9]*/[0-9]*/[0-9]*/*")}

    @cached_property
    def sealed(self) -> dict[str, bytes]:
        """The plain content of everything that was ever sealed whole, by the hash of its seal."""
        found = {}
        for path in self.dossiers.values():
            if (path / "sealed.pgp").exists() and (path / "original.xml").exists():
                whole = sha256_of((path / "sealed.pgp").read_bytes())
                found[whole] = (path / "original.xml").read_bytes()
        return found

    def way(self, file_id: str) -> list[sqlite3.Row]:
        return self.ways[file_id]

    @cached_property
    def ways(self) -> dict[str | None, list[sqlite3.Row]]:
        found: dict[str | None, list[sqlite3.Row]] = defaultdict(list)
        for move in self.moves:
            found[move["file_id"]].append(move)
        return found


# ------------------------------------------------------------------------------------ I1: the bytes


def _one_place(view: _View) -> Iterator[str]:
    ours = {row["id"] for row in view.outgoing if not row["door"]}  # written by h2h: recalls
    lying = Counter(sha256_of(path.read_bytes()) for path in _in_doors(view.place))
    archived: Counter[str] = Counter()
    for file_id, dossier in view.dossiers.items():
        if file_id not in ours and (content := _original(dossier)) is not None:
            archived[content] += 1
    dropped = Counter(map(sha256_of, view.told.dropped))
    for content in dropped.keys() | lying.keys() | archived.keys():
        found = lying[content] + archived[content]
        if found != dropped[content]:
            yield f"{content[:8]} was dropped {dropped[content]} times and lies in {found} places"
    for offered in view.told.offered:
        if not _kept(sha256_of(offered), view):
            yield f"{sha256_of(offered)[:8]} is neither at the bank nor in the archive"


def _in_doors(place: Place) -> Iterator[Path]:
    for door in place.doors:
        for path in door.iterdir():
            is_marker = bool(place.marker) and path.name.endswith(place.marker)
            if path.is_file() and not is_marker:
                yield path


def _original(dossier: Path) -> str | None:
    """The hash of the ERP's file in a dossier; our copy and the claimed one are one file."""
    for name in ("original.xml", "claimed", "copied"):
        if (dossier / name).exists():
            return sha256_of((dossier / name).read_bytes())
    return None


def _kept(content: str, view: _View) -> bool:
    places = [path for folder in view.place.offered for path in folder.iterdir()]
    places += view.place.archive.glob("[0-9]*/[0-9]*/[0-9]*/*/received")
    places += view.place.archive.glob(".incoming/*/received")
    return any(path.is_file() and sha256_of(path.read_bytes()) == content for path in places)


# ----------------------------------------------------------------------------- I2, I3, I4: the bank


def _once(view: _View) -> Iterator[str]:
    for row in view.outgoing:
        times = view.received[(row["sealed_sha256"], row["final_name"])]
        state = row["state"]
        most, least = (0, 0) if state in BEFORE | NEVER else (1, 0 if state in ANNOUNCED else 1)
        if not least <= times <= most:
            yield f"{row['name']} is {state}, and the bank received it {times} times"
    payments: Counter[tuple[bytes, ...]] = Counter()
    for (whole, _), times in view.received.items():
        for identity in _identities(view.sealed.get(whole, b"")):
            payments[identity] += times
    for identity, times in payments.items():
        if times > 1:
            yield f"the bank received the payment {identity} {times} times"


def _identities(content: bytes) -> Iterator[tuple[bytes, ...]]:
    message = _MESSAGE.search(content)
    for payment in _PAYMENT.findall(content):
        parts = (found.search(payment) for found in _IDENTITY)
        told = tuple(part[1] if part else b"" for part in parts)
        yield (message[1] if message else b"", *told)


def _whole(view: _View) -> Iterator[str]:
    for whole, name in view.received:
        if whole not in view.sealed:
            yield f"the bank received {name} ({whole[:8]}), which is none of our sealed files"
    for folder in view.place.bank:
        for path in folder.iterdir():
            if not path.name.endswith(".tmp") and sha256_of(path.read_bytes()) not in view.sealed:
                yield f"{path.name} at the bank is none of our sealed files, or a part of one"


def _only_good(view: _View) -> Iterator[str]:
    for whole, name in view.received:
        if sha256_of(view.sealed.get(whole, b"")) in view.told.bad:
            yield f"the bank received {name}, which must never go out"
    for row in view.outgoing:
        if row["state"] not in BEFORE | NEVER:
            been = {move["target"] for move in view.way(row["id"])}
            for passed in {"claimed", "valid", "approved", "sealed", "delivering"} - been:
                yield f"{row['name']} is {row['state']} and was never {passed}"
    authentic = {row["id"]: row["sha256"] for row in view.files if row["direction"] == "in"}
    for statement in view.statements:
        if statement["kept"] == "booked":
            been = {move["target"] for move in view.way(statement["file_id"])}
            if not {"opened", "read"} <= been:
                yield f"statement {statement['id']} is booked out of a file that was never opened"
            if authentic[statement["file_id"]] in view.told.forged:
                yield f"statement {statement['id']} is booked out of a forged file"


# --------------------------------------------------------------------------------- I5: the records


def _recorded(view: _View) -> Iterator[str]:
    head, last = GENESIS, 0
    for move in view.moves:
        if move["sequence"] != last + 1:
            yield f"record {move['sequence']} follows {last}"
        if move["previous"] != head or move["hash"] != _link(move):
            yield f"record {move['sequence']} breaks the chain"
        head, last = move["hash"], move["sequence"]
    for row in view.files:
        state = ""
        for move in view.way(row["id"]):
            if move["source"] != state:
                yield f"{row['name']}: a record from {move['source']} where it was {state}"
            state = move["target"]
        if state != row["state"]:
            yield f"{row['name']} is {row['state']}, its last record says {state}"
        if row["last_move"] != max((move["sequence"] for move in view.way(row["id"])), default=0):
            yield f"{row['name']}: its last record is not {row['last_move']}"
    for file_id, dossier in view.dossiers.items():
        yield from _copied(file_id, dossier / "moves.jsonl", view)


def _link(move: sqlite3.Row) -> str:
    facts = {
        "sequence": str(move["sequence"]),
        "file_id": move["file_id"] or "",
        "source": move["source"],
        "target": move["target"],
        "at": move["at"].replace(" ", "T") + "+00:00",
        "who": move["who"],
        "because": move["because"],
        "content": move["content"],
    }
    text = json.dumps([move["previous"], facts], sort_keys=True, separators=(",", ":"))
    return sha256_of(text.encode("ascii"))


def _copied(file_id: str, copy: Path, view: _View) -> Iterator[str]:
    """A dossier's copy of the records may lack the newest; it never says another thing."""
    lines = copy.read_text().splitlines() if copy.exists() else []
    if [json.loads(line)["hash"] for line in lines] != [
        move["hash"] for move in view.way(file_id)[: len(lines)]
    ]:
        yield f"the dossier of {file_id} tells of other records than the ledger"


# ----------------------------------------------------------------------------------- I6: the books


def _balanced(view: _View) -> Iterator[str]:
    entries: dict[int, list[sqlite3.Row]] = defaultdict(list)
    for entry in view.entries:
        entries[entry["statement"]].append(entry)
    booked = [row for row in view.statements if row["kept"] == "booked"]
    for row in booked:
        own = entries[row["key"]]
        if len(own) != row["entries"]:
            yield f"statement {row['id']} has {len(own)} of its {row['entries']} entries"
        if row["opening"] is not None and row["closing"] is not None:
            moved = sum((Decimal(e["amount"]) for e in own if e["status"] == "BOOK"), Decimal(0))
            if Decimal(row["opening"]) + moved != Decimal(row["closing"]):
                yield f"statement {row['id']}: {row['opening']} and {moved} is not {row['closing']}"
    numbers = Counter((row["bank"], row["account"], row["kind"], row["number"]) for row in booked)
    for number, times in numbers.items():
        if times > 1:
            yield f"the statement {number} is booked {times} times"


# -------------------------------------------------------------------------------- I7: what is told


def _told(view: _View) -> Iterator[str]:
    for row in view.files:
        if row["state"] in STOPPED and not (row["because"] or row["due_because"]):
            yield f"{row['name']} is {row['state']}, and nothing says why"
        if row["failures"] and not row["due_because"]:
            yield f"{row['name']} waits, and nothing says for what"
        for rule, _, message, remedy, *_ in json.loads(row["problems"]):
            if not (rule and message and remedy):
                yield f"{row['name']}: a problem without rule, words or remedy"
    yield from _unanswered(view)
    for path in view.place.inbox.rglob("answers/*.json"):
        if not path.name.startswith("."):
            try:
                json.loads(path.read_text())
            except ValueError:
                yield f"the answer {path.name} is not whole"


def _unanswered(view: _View) -> Iterator[str]:
    for row in view.outgoing:
        told = row["recorded"] >= row["last_move"] and row["id"] not in view.handing
        if told and row["door"] and row["state"] in ANSWERED and not _answers(row, view):
            yield f"{row['name']} is {row['state']}, and the ERP has no answer"


def _answers(row: sqlite3.Row, view: _View) -> bool:
    if row["state"] == "cancelled" and not row["sha256"]:
        return True  # it left its door before it was taken, so there is nothing to answer
    return any(view.place.inbox.rglob(f"answers/*{row['id']}.json"))


_CHECKS = {
    "I1": _one_place,
    "I2": _once,
    "I3": _whole,
    "I4": _only_good,
    "I5": _recorded,
    "I6": _balanced,
    "I7": _told,
}
