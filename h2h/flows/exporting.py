"""How what was booked reaches its receivers: who gets what, in which forms, under which names.

    due -> handing -> done        waiting: for what comes before it; held: a form cannot be made

Each receiver is served on its own: what stops one stops no other. A form that the content does not
fit into is held with its reason, and the other forms go on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import count
from pathlib import Path

from h2h.core.books import account_key
from h2h.core.naming import fitted, shortened
from h2h.core.statement import StatementKind
from h2h.core.states import Handed, In, Kept
from h2h.errors import Refused
from h2h.flows.handover import publish_to
from h2h.flows.sweep import Sweep, content_of, download_of, message_of, terms_of
from h2h.ports import (
    BankTerms,
    Content,
    Export,
    ExportRow,
    File,
    FormTerms,
    HandOver,
    Made,
    Receiver,
    Source,
    StatementRow,
)

_FOLDERS = {
    StatementKind.STATEMENT: "statements",
    StatementKind.INTRADAY: "intraday",
    StatementKind.NOTIFICATION: "notifications",
}
_SUFFIXES = {"MT940": ".sta", "MT942": ".sta", "BAI2": ".bai"}  # all else is XML
_MOST_NUMBERS = 8  # of statements, in a name


# ------------------------------------------------------------------------------------ who gets what


def assign(file: File, sweep: Sweep) -> None:
    """Decide who receives what of a file that was booked; what was held is tried again."""
    rows = sweep.ledger.unassigned(file.id)
    wanted = [*_wanted(file, rows, sweep), *_whole_wanted(file, sweep)]
    sweep.ledger.assign(file, [row.id for row in rows], wanted, again=True)


def _assign_rest(file: File, sweep: Sweep) -> None:
    """The same for what a person released since."""
    if rows := sweep.ledger.unassigned(file.id):
        wanted = list(_wanted(file, rows, sweep))
        sweep.ledger.assign(file, [row.id for row in rows], wanted)


def _wanted(file: File, rows: Iterable[StatementRow], sweep: Sweep) -> Iterator[ExportRow]:
    for row in rows:
        end_of_day = row.kind is StatementKind.STATEMENT
        for receiver in sweep.services.receivers:
            if wants(receiver, row.account, row.currency, terms_of(file, sweep)):
                waits = receiver.in_order and end_of_day
                state = Handed.WAITING if waits else Handed.DUE
                yield ExportRow(row.id, receiver.name, file.id, state)


def _whole_wanted(file: File, sweep: Sweep) -> Iterator[ExportRow]:
    """Of a file that is handed over as it came: a status report, a document."""
    kind = kind_of(file, sweep)
    for receiver in sweep.services.receivers if kind else ():
        if concerned(receiver, terms_of(file, sweep)) and _takes(receiver, kind):
            state, because = Handed.DUE, ""
            if kind == "document" and receiver.documents == "with-entry":
                state, because = _together(file, receiver, sweep)
            yield ExportRow(file.id, receiver.name, file.id, state, because)


def kind_of(file: File, sweep: Sweep) -> str:
    """ "document" or "status"; "" for one that has statements."""
    declared = download_of(file, terms_of(file, sweep)).kind
    if declared == "document":
        return declared
    is_status = declared == "ack" or file.message.startswith(("pain.002", "camt.029"))
    return "status" if is_status else ""


def _takes(receiver: Receiver, kind: str) -> bool:
    return receiver.status_reports if kind == "status" else receiver.documents != "none"


def _together(file: File, receiver: Receiver, sweep: Sweep) -> tuple[Handed, str]:
    """A document waits until the receiver has the statement of its entry."""
    named = reference_of(file, sweep)
    if not named or _statement_of(file, receiver, sweep):
        return Handed.DUE, ""
    return Handed.WAITING, f"no entry {named} was handed over yet"


def reference_of(file: File, sweep: Sweep) -> str:
    """The bank's reference in a document's name, "" when there is none."""
    pattern = download_of(file, terms_of(file, sweep)).reference
    found = pattern.search(file.remote_name) if pattern else None
    return found[1] or "" if found else ""


def _statement_of(file: File, receiver: Receiver, sweep: Sweep) -> StatementRow | None:
    """The statement with a document's entry, among those that the receiver has."""
    for link in sweep.ledger.links(file.id):
        owner = link.statement_id.rpartition("-")[0]
        has = {row.subject for row in sweep.ledger.exports(owner) if _is_there(row, receiver)}
        if link.statement_id in has:
            rows = sweep.ledger.statements(owner)
            return next(row for row in rows if row.id == link.statement_id)
    return None


def _is_there(row: ExportRow, receiver: Receiver) -> bool:
    return row.receiver == receiver.name and row.state in {Handed.DONE, Handed.HELD}


def wants(receiver: Receiver, account: str, currency: str, terms: BankTerms) -> bool:
    """Does a receiver get the statements of this account? It must match all that is given."""
    key = account_key(account)
    entities = {
        ours.entity
        for ours in terms.accounts
        if account_key(ours.number) == key and currency in {"", ours.currency}
    }
    return (
        (not receiver.banks or terms.name in receiver.banks)
        and (not receiver.accounts or key in receiver.accounts)
        and (not receiver.entities or not entities.isdisjoint(receiver.entities))
    )


def concerned(receiver: Receiver, terms: BankTerms) -> bool:
    """Does a receiver get what a bank says of no single account?"""
    if not receiver.accounts and not receiver.entities:
        return not receiver.banks or terms.name in receiver.banks
    return any(wants(receiver, ours.number, ours.currency, terms) for ours in terms.accounts)


def status_folders(terms: BankTerms, sweep: Sweep) -> list[str]:
    """The folders for status reports of a bank."""
    receivers = [each for each in sweep.services.receivers if each.status_reports]
    theirs = (_folder(each, terms, "status") for each in receivers if concerned(each, terms))
    return list(theirs) or [f"{terms.name}/status"]


# ------------------------------------------------------------------------------------- handing over


def in_turn(files: Sequence[File], sweep: Sweep) -> Sequence[File]:
    """Files in the order of their earliest statements; those without any before them, as they came.

    The place of a statement begins with its day, so that this is the order of each account.
    """
    if len(files) < 2:
        return files

    def place(file: File) -> str:
        rows = sweep.ledger.statements(file.id)
        return min((row.position for row in rows), default="")

    return sorted(files, key=place)


def hand_over(file: File, sweep: Sweep) -> File | None:
    """exporting: give each receiver what is due; what cannot be given now is tried again."""
    _assign_rest(file, sweep)
    sweep.ledger.let_through()
    failed: Exception | None = None
    for name in _names(file, sweep):
        try:
            _serve(name, file, sweep)
        except Exception as error:  # noqa: BLE001 - law 8: whatever it is, it stops this receiver
            sweep.log.event("not_exported", file_id=file.id, receiver=name, because=str(error))
            failed = failed or error
    if failed:
        raise failed
    return sweep.move(file, In.DONE)


def _names(file: File, sweep: Sweep) -> list[str]:
    """The receivers that something of the file is due to, or half handed over."""
    open_ = (row.receiver for row in sweep.ledger.exports(file.id) if row.state in _OPEN)
    return list(dict.fromkeys(open_))


_OPEN = (Handed.DUE, Handed.HANDING)


def _serve(name: str, file: File, sweep: Sweep) -> None:
    """Give one receiver what is due to it; repeatable at every point."""
    publish_to(name, file, sweep)  # what a crash left half handed over
    rows = sweep.ledger.exports(file.id)
    due = [row for row in rows if row.receiver == name and row.state is Handed.DUE]
    known = {each.name: each for each in sweep.services.receivers}
    if due and name in known:
        handed, made = _Making(file, known[name], sweep).of(due)
    else:
        refused = f"there is no receiver {name!r} in config.toml any more"
        handed, made = [], [_held(row, refused) for row in due]
    if made:
        sweep.ledger.handing_over(file, handed, made)
        publish_to(name, file, sweep)
        _tell(file, made, sweep)


def _held(row: ExportRow, refused: str) -> ExportRow:
    return replace(row, because=refused, made=(Made("", (), refused=refused),))


def _tell(file: File, made: Iterable[ExportRow], sweep: Sweep) -> None:
    for row in made:
        for each in row.made:
            if each.refused:
                facts = {"receiver": row.receiver, "subject": row.subject, "form": each.form}
                sweep.log.event("form_held", file_id=file.id, because=each.refused, **facts)


class _Making:
    """What one receiver gets of one file: its forms, flushed under temporary names."""

    def __init__(self, file: File, receiver: Receiver, sweep: Sweep) -> None:
        self._file, self._receiver, self._sweep = file, receiver, sweep
        self._terms = terms_of(file, sweep)
        self._forms = dict(_labelled(receiver.forms))
        self._endings = dict(self._each_ending())
        self._handed: list[HandOver] = []
        self._made: dict[str, list[Made]] = {}  # by subject
        self._used: set[tuple[str, str]] = set()
        self._rows = sweep.ledger.statements(file.id)

    def of(self, due: Sequence[ExportRow]) -> tuple[list[HandOver], list[ExportRow]]:
        """The temporaries, and the rows with what was made of each."""
        before = {row.subject: row for row in due}
        if self._file.id in before:
            self._made[self._file.id] = self._whole()
        rows = [row for row in self._rows if row.id in before and row.kept is Kept.BOOKED]
        for group in _grouped(rows, by_account=self._receiver.by_account):
            self._group(group, before)
        there = (row for row in due if row.subject in self._made)  # the rest was superseded
        made = [replace(row, made=tuple(self._made[row.subject])) for row in there]
        return self._handed, [replace(row, because=_because(row)) for row in made]

    # -- statements

    def _group(self, rows: Sequence[StatementRow], before: Mapping[str, ExportRow]) -> None:
        """Statements that come in one file; to be told with its first one is what it left out."""
        self._made |= {row.id: [] for row in rows}
        folder = _folder(self._receiver, self._terms, _FOLDERS[rows[0].kind])
        base = self._free(folder, self._bases(rows), self._endings.values())
        for label, form in self._forms.items():
            if form.takes(rows[0].kind):
                done = {row.id: _made_before(before[row.id], label) for row in rows}
                new = [row for row in rows if done[row.id] is None]
                done |= self._form(label, new, folder, base + self._endings[label])
                for row in rows:
                    self._made[row.id].extend(filter(None, [done[row.id]]))

    def _form(
        self, label: str, rows: Sequence[StatementRow], folder: str, name: str
    ) -> dict[str, Made | None]:
        """Write these statements in one form; what does not fit into it stays out."""
        flushed: tuple[str, str] = ("", "")

        def write(some: Sequence[StatementRow]) -> Sequence[str]:
            nonlocal flushed
            left_out: list[str] = []

            def fill(target: Path) -> None:
                left_out.extend(self._write(self._forms[label], some, target))

            flushed = self._prepare(folder, name, fill)
            return left_out

        fit, left_out, refused = _fitting(rows, write)
        if fit:
            self._hand(folder, name, flushed)
        made: dict[str, Made | None] = {row.id: Made(label, (name,)) for row in fit}
        if fit:
            made[fit[0].id] = Made(label, (name,), tuple(left_out))
        return made | {id_: Made(label, (), refused=words) for id_, words in refused.items()}

    def _write(self, form: FormTerms, rows: Sequence[StatementRow], target: Path) -> Sequence[str]:
        ledger, exporter = self._sweep.ledger, self._sweep.services.exporter
        kept = [found for row in rows if (found := ledger.statement(row.id))]
        source = Source(content_of(self._file, self._sweep), tuple(row.index for row in rows))
        return exporter.write(form, kept, target, source=source)

    # -- reports and documents

    def _whole(self) -> list[Made]:
        """The file as it came; of a status report its rows too, where the receiver has such."""
        kind, folder = kind_of(self._file, self._sweep), "status"
        own, left_out = content_of(self._file, self._sweep), tuple[str, ...]()
        contents: list[tuple[str, Content]] = [(_document_name(self._file), own)]
        if kind == "document":
            folder, name = self._document()
            contents = [(name, own)]
        elif self._file.message:
            base, exports = _base_name(self._file), list(self._report())
            left_out = tuple(words for _, each in exports for words in each.left_out)
            contents = [(f"{base}.xml", own)]
            contents += ((base + ending, each.content) for ending, each in exports)
        folder = _folder(self._receiver, self._terms, folder)
        names = []
        for wanted, content in contents:
            name = self._free(folder, _bases_of(wanted), ("",))
            self._hand(folder, name, self._prepare(folder, name, content))
            names.append(name)
        return [Made("original", tuple(names), left_out)]

    def _document(self) -> tuple[str, str]:
        """(folder, name): beside the statement of its entry, or among the documents."""
        name, row = _document_name(self._file), None
        if self._receiver.documents == "with-entry":
            row = _statement_of(self._file, self._receiver, self._sweep)
        if row is None:
            return "documents", name
        reference = shortened(reference_of(self._file, self._sweep), 60)
        return _FOLDERS[row.kind], f"{reference}.{name}"

    def _report(self) -> Iterator[tuple[str, Export]]:
        """The rows of a status report, each with the end of its name."""
        report = message_of(self._file, self._sweep).report
        if report is None:
            return
        for label, form in self._forms.items():
            for made in self._sweep.services.exporter.report(report, [form]):
                yield self._endings[label], made

    # -- names

    def _each_ending(self) -> Iterator[tuple[str, str]]:
        """The end of each form's name; a second form with the same one is told by its label."""
        seen: set[str] = set()
        for label, form in self._forms.items():
            suffix = self._sweep.services.exporter.suffix(form)
            if form.form == "original":
                suffix = form.ending or _SUFFIXES.get(self._file.message, suffix)
            yield label, f".{label}{suffix}" if suffix in seen else suffix
            seen.add(suffix)

    def _bases(self, rows: Sequence[StatementRow]) -> Iterator[str]:
        """Names without their ending, the wanted one first; each later one is ours alone."""
        indexes = [row.index for row in rows]
        part = len(indexes) != len(self._rows)
        own = self._file.id + (f".{_numbers(indexes)}" if part else "")
        if self._receiver.file_name:
            for one in _numbered(own):
                yield fitted(self._receiver.file_name, self._facts(rows, one), self._longest())
        else:
            yield from _numbered(f"{_bank_name(self._file)}.{own}")

    def _longest(self) -> int:
        """The characters that are left for a name beside its ending and its marker."""
        endings = (len(ending) for ending in self._endings.values())
        return self._receiver.longest_name - max(endings) - len(self._receiver.marker)

    def _facts(self, rows: Sequence[StatementRow], own: str) -> dict[str, str | date]:
        accounts = {(row.account, row.currency) for row in rows}
        account, currency = next(iter(accounts)) if len(accounts) == 1 else ("several", "")
        return {
            "name": _bank_name(self._file),
            "id": own,
            "bank": self._terms.name,
            "account": account,
            "currency": currency,
            "kind": rows[0].kind.value,
            "date": self._day(rows),
            "sequence": rows[0].sequence if len(rows) == 1 else "",
        }

    def _day(self, rows: Sequence[StatementRow]) -> date:
        """The last day that they tell of; else that on which the bank made them, or we got them."""
        days = [day for row in rows if (day := row.as_of or row.period_to)]
        if not days:
            found = filter(None, (self._sweep.ledger.statement(row.id) for row in rows))
            days = [made.date() for each in found if (made := _moment(each.created))]
        return max(days, default=self._file.created.date())

    def _free(self, folder: str, bases: Iterable[str], endings: Iterable[str]) -> str:
        """The first base of which nothing lies in the folder: nothing is ever overwritten."""
        desktop, ends = self._sweep.services.desktop, tuple(endings)
        for base in bases:
            taken = (desktop.taken(folder, base + end) for end in ends)
            if (folder, base) not in self._used and not any(taken):
                break
        self._used.add((folder, base))
        return base

    # -- temporaries

    def _prepare(self, folder: str, name: str, content: Content) -> tuple[str, str]:
        return self._sweep.services.desktop.prepare(folder, name, content, key=self._file.id)

    def _hand(self, folder: str, name: str, flushed: tuple[str, str]) -> None:
        """Hand it over, and its marker behind it."""
        self._handed.append(HandOver(folder, flushed[0], name, flushed[1], self._receiver.name))
        if self._receiver.marker:
            marker = name + self._receiver.marker
            made = self._prepare(folder, marker, b"")
            self._handed.append(HandOver(folder, made[0], marker, made[1], self._receiver.name))


def _moment(created: str) -> datetime | None:
    """The bank's own time, None when it tells none."""
    try:
        return datetime.fromisoformat(created)
    except ValueError:
        return None


def _fitting(
    rows: Sequence[StatementRow], write: Callable[[Sequence[StatementRow]], Sequence[str]]
) -> tuple[Sequence[StatementRow], Sequence[str], dict[str, str]]:
    """Write what can be written: (those, what was left out of them, why the others cannot)."""
    refused: dict[str, str] = {}
    while rows:
        try:
            return rows, write(rows), refused
        except Refused as error:
            unfit = _unfit(rows, write) if len(rows) > 1 else {}
            unfit = unfit or {row.id: str(error) for row in rows}
        refused |= unfit
        rows = [row for row in rows if row.id not in unfit]
    return rows, (), refused


def _unfit(
    rows: Sequence[StatementRow], write: Callable[[Sequence[StatementRow]], Sequence[str]]
) -> dict[str, str]:
    """Those that cannot be written even alone, with the reason."""
    found = {}
    for row in rows:
        try:
            write([row])
        except Refused as error:
            found[row.id] = str(error)
    return found


def _made_before(row: ExportRow, label: str) -> Made | None:
    """Only what was held is made again."""
    return next((made for made in row.made if made.form == label and not made.refused), None)


def _because(row: ExportRow) -> str:
    return "; ".join(f"{made.form}: {made.refused}" for made in row.made if made.refused)


def _labelled(forms: Sequence[FormTerms]) -> Iterator[tuple[str, FormTerms]]:
    """Each form under a name of its own: csv, csv-2."""
    seen: Counter[str] = Counter()
    for form in forms:
        seen[form.form] += 1
        number = seen[form.form]
        yield form.form if number == 1 else f"{form.form}-{number}", form


def _grouped(rows: Iterable[StatementRow], *, by_account: bool) -> Iterable[Sequence[StatementRow]]:
    """What comes in one file: statements of one kind, or of one kind and account."""
    groups: dict[tuple[str, ...], list[StatementRow]] = {}
    for row in rows:
        account = (row.account, row.currency) if by_account else ()
        groups.setdefault((row.kind, *account), []).append(row)
    return groups.values()


def _folder(receiver: Receiver, terms: BankTerms, name: str) -> str:
    return f"{receiver.folder or terms.name}/{name}"


def _numbers(indexes: Sequence[int]) -> str:
    if len(indexes) > _MOST_NUMBERS:
        return f"{indexes[0]}-to-{indexes[-1]}"
    return "-".join(map(str, indexes))


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}-{number}" for number in count(2))


def _bases_of(name: str) -> Iterator[str]:
    """A whole name, then others that keep its ending."""
    path = Path(name)
    return (f"{base}{path.suffix}" for base in _numbered(path.stem))


def _bank_name(file: File) -> str:
    """The bank's name without its seal's and format's suffixes."""
    name = file.name
    for suffix in (".pgp", ".gpg", ".asc", ".xml", *_SUFFIXES.values()):
        name = name.removesuffix(suffix)
    return shortened(name)


def _base_name(file: File) -> str:
    """The bank's name, and our id to tell twins apart."""
    return f"{_bank_name(file)}.{file.id}"


def _document_name(file: File) -> str:
    name = Path(file.name.removesuffix(".pgp").removesuffix(".gpg"))
    suffix = f".{shortened(name.suffix[1:], 20)}" if name.suffix else ""
    return f"{shortened(name.stem)}.{file.id}{suffix}"
