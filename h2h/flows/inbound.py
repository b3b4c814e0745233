"""START HERE: the life of a bank file, from the bank's server to the ERP's door.

    fetched -> opened -> read -> booked -> exporting -> done

The same shape as outbound.py: steps by state, `advance`. Raw bytes are archived and flushed before
anything looks inside; the file at the bank is removed last, when its outcome is recorded here.

All that was fetched is booked before any of it is handed over: what a file's statements follow on,
and so whose turn it is at a receiver, may stand in the next one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from types import MappingProxyType

from h2h.core.matching import CONTRADICTION
from h2h.core.naming import is_temporary
from h2h.core.problem import Problem, Severity
from h2h.core.states import In, State
from h2h.core.words import say
from h2h.errors import Corrupt, H2HError, Refused, Transient
from h2h.flows import evidence
from h2h.flows.exporting import assign, hand_over, in_turn, reference_of
from h2h.flows.poison import guarded
from h2h.flows.sweep import (
    OPENED,
    NotNow,
    Step,
    Sweep,
    content_of,
    download_of,
    message_of,
    terms_of,
)
from h2h.ports import (
    BankTerms,
    Change,
    Download,
    File,
    RemoteFile,
    Session,
    Told,
)

SIGNATURE = ".sig"
_MOST_ACK_BYTES = 65_536  # of an acknowledgement, looked through for the name of our file


def sweep_inbound(sweep: Sweep, banks: Sequence[str]) -> None:
    """Fetch from `banks`, and move every bank file of ours as far as it goes."""
    for bank in banks:
        fetch(bank, sweep)
    for steps in (BOOKING, CHOOSING, HANDING_OVER):
        due = sweep.now if sweep.patient else None
        found = sweep.ledger.files(steps, direction="in", due=due)
        for file in in_turn(found, sweep) if steps is HANDING_OVER else found:
            if sweep.stopping():
                break
            advance(file, sweep, steps)
    hand_over_rest(sweep)
    evidence.bring_up_to_date(sweep)  # before the bank's own copy goes: it may have to prove it
    for bank in banks:
        clear_away(bank, sweep)


# ---------------------------------------------------------------------------------------- fetch


def fetch(bank: str, sweep: Sweep) -> None:
    """Bring in what is new in every download folder of a bank."""
    terms = sweep.services.banks[bank]
    for index, download in enumerate(terms.downloads):
        try:
            for remote in _new_files(terms, download, sweep):
                _fetch_one(terms, index, remote, sweep)
        except NotNow as wait:
            sweep.log.event("not_fetched", bank=bank, because=str(wait))
            return
        except Transient as error:
            sweep.lost(bank, error)
            return
        except (Refused, OSError) as error:
            sweep.log.event("not_fetched", bank=bank, folder=download.folder, because=str(error))


def _new_files(terms: BankTerms, download: Download, sweep: Sweep) -> list[RemoteFile]:
    session = sweep.session(terms.name)
    listed = [
        remote
        for remote in session.listing(download.folder, terms.most_entries)
        if fnmatchcase(remote.name, download.pattern)
        and not is_temporary(remote.name)
        and not remote.name.endswith(SIGNATURE)
    ]
    known = sweep.ledger.known(terms.name, download.folder, listed)
    return [remote for remote in listed if remote.name not in known]


def _fetch_one(terms: BankTerms, index: int, remote: RemoteFile, sweep: Sweep) -> None:
    """Fetch, make sure that it did not change meanwhile, and record it."""
    archive, session = sweep.services.archive, sweep.session(terms.name)
    folder, file_id = terms.downloads[index].folder, sweep.services.new_id()
    path, local = f"{folder}/{remote.name}", archive.incoming(file_id)
    if session.stat(path) != remote:
        return  # still being written, or replaced: the next sweep sees it as it is then
    session.get(path, local, terms.largest_file)
    if session.stat(path + SIGNATURE) is not None:
        beside = local.with_name(f"received{SIGNATURE}")
        session.get(path + SIGNATURE, beside, terms.largest_file)
    if session.stat(path) != remote:
        return
    sha256, size = archive.digest(local)
    file = sweep.ledger.fetched(file_id, terms.name, index, folder, remote, sha256, size, sweep.now)
    archive.receive(file.id)
    sweep.log.event("fetched", file_id=file.id, name=file.name, bank=terms.name)


def clear_away(bank: str, sweep: Sweep) -> None:
    """Delete or move, at the bank, what has its outcome here; a failure is harmless."""
    terms = sweep.services.banks[bank]
    for file in sweep.ledger.remote_pending(bank):
        try:
            _clear_away_one(file, terms.downloads[file.download], sweep)
        except NotNow:
            return
        except (H2HError, OSError, IndexError) as error:
            sweep.drop(bank)
            sweep.log.event("not_cleared", bank=bank, name=file.name, because=str(error))


def _clear_away_one(file: File, download: Download, sweep: Sweep) -> None:
    """Only what is still the very file that was fetched is touched."""
    if download.after != "leave":
        session = sweep.session(file.bank or "")
        path = f"{file.remote_folder}/{file.remote_name}"
        if session.stat(path) == RemoteFile(file.remote_name, file.remote_size, file.remote_mtime):
            _apply_after(download, path, file.remote_name, session)
    sweep.ledger.remote_done(file)


def _apply_after(download: Download, path: str, name: str, session: Session) -> None:
    if download.after == "delete":
        session.remove(path)
        session.remove(path + SIGNATURE)
    else:
        session.rename(path, f"{download.move_to}/{name}")


# ---------------------------------------------------------------------------------------- steps


def advance(file: File, sweep: Sweep, steps: Steps) -> None:
    """Run these steps of one bank file until one of them stops; its trouble is its own."""
    current: File | None = file
    try:
        while current is not None and (step := steps.get(current.state)):
            file = current
            current = step(file, sweep)
    except Transient as error:
        sweep.wait(file, None, str(error), failed=True)
    except Corrupt as error:
        quarantine(file, sweep, error)
    except Exception as error:  # noqa: BLE001 - law 8: whatever it is, it stops this file alone
        words = str(error) if isinstance(error, H2HError) else f"{type(error).__name__}: {error}"
        sweep.wait(file, None, words, failed=True)


def quarantine(file: File, sweep: Sweep, error: Corrupt) -> None:
    """Set a bank file aside with its reasons; its bytes stay in its dossier."""
    problem = Problem("unreadable", Severity.ERROR, error.cause, error.next_move)
    if file.state in {In.FETCHED, In.OPENED, In.READ}:
        _set_aside(file, sweep, problem)
    else:
        sweep.wait(file, None, str(error), failed=True)


def _set_aside(file: File, sweep: Sweep, problem: Problem) -> None:
    change = Change(problems=(*file.problems, problem))
    sweep.move(file, In.QUARANTINED, problem.message, change)


def unseal(file: File, sweep: Sweep) -> File | None:
    """fetched: verify who sealed it, and decrypt; nothing unproven goes further."""
    archive, terms = sweep.services.archive, terms_of(file, sweep)
    received, opened = archive.receive(file.id), archive.path(file.id, OPENED)
    if archive.digest(received)[0] != file.sha256:
        words = say("it changed in the archive after it was fetched")
        raise Corrupt(words, say("Look into the dossier."))
    sealer = sweep.services.sealers[terms.name]
    if download_of(file, terms).sealed:
        signer = sealer.open(received, opened, terms.largest_file)
        return sweep.move(
            file, In.OPENED, say("signed by {signer}", signer=signer), Change(opened_by=signer)
        )
    return sweep.move(file, In.OPENED, say("this bank sends it in clear"))


def read(file: File, sweep: Sweep) -> File | None:
    """opened: recognise what it is; a declared document or acknowledgement is taken as it is."""
    if download_of(file, terms_of(file, sweep)).kind != "message":
        return sweep.move(file, In.READ, say("declared, not read"))
    message = message_of(file, sweep)
    change = Change(message=message.message, message_id=message.message_id)
    return sweep.move(file, In.READ, change=change)


def book(file: File, sweep: Sweep) -> File | None:
    """read: enter it into the books while it is read, in one transaction that may be repeated."""
    terms = terms_of(file, sweep)
    match download_of(file, terms).kind:
        case "document":
            return sweep.ledger.document(file, sweep.now, reference_of(file, sweep))
        case "ack":
            text = content_of(file, sweep).read_bytes()[:_MOST_ACK_BYTES].decode(errors="replace")
            named = f"{file.remote_name}\n{text}"
            _report(file, sweep.ledger.acknowledge(file, named, sweep.now), sweep)
            return sweep.ledger.file(file.id)
    message = message_of(file, sweep)
    if message.report is not None:
        rejects_only = terms.rejects_only
        told = sweep.ledger.tell(file, message.report, sweep.now, rejects_only=rejects_only)
        _report(file, told, sweep)
        return sweep.ledger.file(file.id)
    if message.resolution is not None:
        _report(file, sweep.ledger.resolve(file, message.resolution, sweep.now), sweep)
        return sweep.ledger.file(file.id)
    booked = sweep.ledger.book(file, message, terms.accounts, sweep.now)
    if booked is not None:
        _tell_of_statements(file, sweep)
        _tell_of_contradictions(booked, sweep)
    return booked


def _report(file: File, told: Told | None, sweep: Sweep) -> None:
    if told is None:
        return
    for words in told.moved:
        sweep.log.event("told", file_id=told.file_id, bank=file.bank, because=words)
    for words in told.alarms:
        about = told.file_id or None
        sweep.log.event("alarm", file_id=file.id, bank=file.bank, because=words, about=about)
    if told.waiting:
        because = told.waiting
        sweep.log.event("waiting_at_bank", file_id=told.file_id, bank=file.bank, because=because)


def _tell_of_contradictions(file: File, sweep: Sweep) -> None:
    for problem in file.problems:
        if problem.rule == CONTRADICTION:
            sweep.log.event("alarm", file_id=file.id, bank=file.bank, because=problem.message)


def _tell_of_statements(file: File, sweep: Sweep) -> None:
    for row in sweep.ledger.statements(file.id):
        sweep.log.event(
            "statement",
            file_id=file.id,
            bank=file.bank,
            account=row.account,
            kept=row.kept,
            flags=" ".join(row.flags),
            because=row.because,
        )


def choose_receivers(file: File, sweep: Sweep) -> File | None:
    """booked: decide who receives what of it."""
    assign(file, sweep)
    return sweep.move(file, In.EXPORTING)


Steps = Mapping[State, Step]
BOOKING: Steps = MappingProxyType(
    {
        state: guarded(step, _set_aside, Severity.ERROR)
        for state, step in ((In.FETCHED, unseal), (In.OPENED, read), (In.READ, book))
    }
)
CHOOSING: Steps = MappingProxyType({In.BOOKED: choose_receivers})
HANDING_OVER: Steps = MappingProxyType({In.EXPORTING: hand_over})


def hand_over_rest(sweep: Sweep) -> None:
    """Out of files that were done: what a person released, or what waited for something else."""
    sweep.ledger.let_through()
    while files := sweep.ledger.exportable(sweep.now if sweep.patient else None):
        for file in in_turn(files, sweep):
            if sweep.stopping():
                return
            moved = sweep.move(file, In.EXPORTING, say("some of it may be handed over now"))
            if moved is not None:
                advance(moved, sweep, HANDING_OVER)
        sweep.ledger.let_through()
