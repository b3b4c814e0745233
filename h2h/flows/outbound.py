"""START HERE: the life of a payment file, from the ERP's door to the bank.

    claiming -> claimed -> valid -> approved -> sealed -> staged -> delivering -> sent

`STEPS` maps a state to the step that leaves it and `advance` is the loop; a restart runs the same
loop. A step returns the file as it now stands, or None when it goes no further in this sweep. What
happens to a file after `sent` is told by the bank: see inbound.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

from h2h.core.calendar import business_date
from h2h.core.duplicates import same_bytes
from h2h.core.naming import Value, expanded
from h2h.core.payment import Verdict
from h2h.core.problem import Problem, Severity
from h2h.core.rules import judge_dates, judge_limits
from h2h.core.states import (
    ANNOUNCED,
    Confirm,
    Out,
    Proof,
    Publish,
    Sighting,
    State,
    delivery_decision,
    withdraws,
)
from h2h.core.terms import CheckTerms
from h2h.core.words import say, sentences, words_of
from h2h.errors import Corrupt, H2HError, Refused, Transient
from h2h.flows import consent, evidence, recalls
from h2h.flows.poison import guarded
from h2h.flows.sweep import NotNow, Step, Sweep, original_of, terms_of
from h2h.ports import BankTerms, Change, Door, File, Sealer, Seen, Session

SEALED = "sealed.pgp"


def advance(file: File, sweep: Sweep, steps: Mapping[State, Step] | None = None) -> File | None:
    """Run the steps of one file until one of them stops it; its trouble is its own.

    Returns the file when the steps have come to their end, None when one of them stopped it.
    """
    steps = STEPS if steps is None else steps
    current: File | None = file
    while current is not None and (step := steps.get(current.state)):
        current = attempt(step, current, sweep)
    return current


def attempt(step: Step, file: File, sweep: Sweep) -> File | None:
    """One step; None when it, or its trouble, stops the file."""
    try:
        return step(file, sweep)
    except NotNow as wait:
        _wait(file, wait.until, words_of(wait), sweep, failed=wait.failed)
    except (Transient, OSError) as error:  # a disk that fails says nothing about the file
        _lost_touch(file, sweep)
        _wait(file, None, str(error), sweep, failed=True)
    except Exception as error:  # noqa: BLE001 - law 8: whatever it is, it stops this file alone
        _stop(file, sweep, error)
    return None


def _lost_touch(file: File, sweep: Sweep) -> None:
    if file.bank and file.state in SPOKEN_OF:
        sweep.drop(file.bank)


def _stop(file: File, sweep: Sweep, error: Exception) -> None:
    """An error that will not pass by itself: a person looks; once announced, nothing is undone."""
    _lost_touch(file, sweep)
    words = words_of(error) if isinstance(error, H2HError) else f"{type(error).__name__}: {error}"
    if file.state in ANNOUNCED or file.state is Out.CLAIMING:
        _wait(file, None, words, sweep, failed=True)
    else:
        remedy = say("Mend the cause, then release the file.")
        hold(file, sweep, Problem("unexpected-error", Severity.HOLD, words, remedy))


def hold(file: File, sweep: Sweep, *reasons: Problem) -> None:
    """Set a file aside for a person, with the reasons among its problems."""
    rules = {reason.rule for reason in reasons}
    problems = (*(p for p in file.problems if p.rule not in rules), *reasons)
    words = sentences(reason.message for reason in reasons)
    sweep.move(file, Out.HELD, words, Change(problems=problems))


# ------------------------------------------------------------------------------------ the steps


def claim(file: File, sweep: Sweep) -> File | None:
    """claiming: bring our private copy into the dossier; the door loses the file last."""
    if file.recall:
        return recalls.write(file, sweep)
    door = door_of(file, sweep)
    if door is None:
        raise NotNow(f"its door {file.door} is no longer configured")
    seen = Seen(file.door, file.door_name, file.door_inode, 0, 0)
    if door.sealed and not door.copy_seal(seen, original_of(file, sweep)):
        raise NotNow("its seal left the door before it was claimed; drop the seal again")
    beside = file.id in sweep.claimed
    taken = sweep.claimed.pop(file.id) if beside else claimed(file, door, sweep)
    if taken is None:
        words = say("the file left its door before it was claimed")
        return sweep.move(file, Out.CANCELLED, words)
    if door.terms.marker:
        sweep.services.archive.unmark(door.terms.folder, seen, door.terms.marker)
    if door.sealed:
        door.drop_seal(seen, original_of(file, sweep))
    sha256, size = taken
    return sweep.move(file, Out.CLAIMED, change=Change(sha256=sha256, size=size))


def claimed(file: File, door: Door, sweep: Sweep) -> tuple[str, int] | None:
    """Hash and size of our own copy; None when the file left its door before."""
    seen = Seen(file.door, file.door_name, file.door_inode, 0, 0)
    return sweep.services.archive.claim(file.id, door.terms.folder, seen)


def door_of(file: File, sweep: Sweep) -> Door | None:
    """Where the ERP dropped it; None when that door is no longer configured."""
    return next((d for d in sweep.services.doors if d.terms.name == file.door), None)


def _broken_seal(file: File, sweep: Sweep) -> Problem | None:
    """What is wrong with the seal that the ERP had to put beside the file; None: nothing."""
    door = door_of(file, sweep)
    if file.recall or door is None or not door.sealed:
        return None
    return door.judge_seal(original_of(file, sweep), file.sha256 or "")


def check(file: File, sweep: Sweep) -> File | None:
    """claimed: judge the file by its seal, by its bank's rules, and by what went before."""
    broken = _broken_seal(file, sweep)
    if broken is not None:
        return sweep.move(file, Out.INVALID, broken.message, Change(problems=(broken,)))
    twin = sweep.ledger.same_bytes(file)
    if twin is not None:
        problem = same_bytes(twin.id)
        change = Change(problems=(problem,), duplicate_of=twin.id)
        return sweep.move(file, Out.DUPLICATE, problem.message, change)
    bank, verdict = _judge(file, sweep)
    change = Change(
        bank=bank,
        message=verdict.message,
        message_id=verdict.header.message_id if verdict.header else None,
        initiating_party=verdict.header.initiating_party if verdict.header else None,
        transactions=verdict.transactions,
        control_sum={currency: f"{total:f}" for currency, total in verdict.control_sum.items()},
        executions=verdict.executions,
        checked_on=_today(sweep.services.banks[bank], sweep) if bank else None,
        problems=verdict.problems,
        confidential=consent.confidential(file, bank, verdict, sweep.services),
    )
    if not verdict.valid or bank is None:
        return sweep.move(file, Out.INVALID, _words(verdict.problems, Severity.ERROR), change)
    asking = [p for p in verdict.problems if p.severity is Severity.HOLD]
    waived = sweep.ledger.waived(file) if asking else frozenset()
    holds = [problem for problem in asking if problem.rule not in waived]
    payments = () if file.recall else sweep.services.messages.payments(original_of(file, sweep))
    similar_days = sweep.services.banks[bank].similar_days
    admitted = sweep.ledger.admit(file, change, holds, payments, similar_days, sweep.now)
    if admitted is not None:
        sweep.log.event(
            "checked",
            file_id=file.id,
            name=file.name,
            bank=bank,
            target=admitted.state,
            because="" if admitted.confidential else admitted.because,
        )
    return admitted


def _judge(file: File, sweep: Sweep) -> tuple[str | None, Verdict]:
    """The bank that the file is for, and the verdict by its terms; the bank None: for none."""
    if file.recall:
        return file.bank, recalls.judge(file, sweep)
    messages, path, banks = sweep.services.messages, original_of(file, sweep), sweep.services.banks
    bank, routed = file.bank, None
    if bank is None:
        plain = CheckTerms(largest_file=max(terms.largest_file for terms in banks.values()))
        verdict = messages.check(path, plain, sweep.now.date())
        if not verdict.accounts:
            return None, verdict
        bank, routed = _route(verdict, sweep)
        if routed is not None:
            return None, _with_problem(verdict, routed)
    terms = banks.get(bank or "")
    if terms is None:
        raise NotNow(f"bank {bank} is no longer configured")
    verdict = messages.check(path, _of_the_moment(file, terms, sweep), _today(terms, sweep))
    if file.first_scan:
        verdict = _with_problem(verdict, FIRST_SCAN)
    return bank, verdict


FIRST_SCAN = Problem(
    "first-scan",
    Severity.HOLD,
    say(
        "the file lay in its door before h2h first looked into it, so it may have been paid already"
    ),
    say(
        "Make sure that the bank does not have it, then release it; or reject it with `h2h cancel`."
    ),
)


def _route(verdict: Verdict, sweep: Sweep) -> tuple[str | None, Problem | None]:
    """The one bank that holds all of our accounts, or why there is none. Never split."""
    wanted = {_account_key(number) for number in verdict.accounts}
    holders = {
        bank
        for bank, terms in sweep.services.banks.items()
        if wanted & {_account_key(account.number) for account in terms.accounts}
    }
    if len(holders) == 1:
        return holders.pop(), None
    if holders:
        banks = ", ".join(sorted(holders))
        words = say("its accounts lie at several banks: {banks}", banks=banks)
        remedy = say("Write one file for each bank at its source; a file is never split.")
    else:
        words = say("none of its accounts is configured at a bank")
        remedy = say(
            "Add the account to its bank in config.toml, or drop the file at its bank's door."
        )
    collection = verdict.header is not None and verdict.header.collection
    code = "AC03" if collection else "AC02"  # the creditor's account or the debtor's is invalid
    return None, Problem("routing", Severity.ERROR, words, remedy, code=code)


def _account_key(number: str) -> str:
    return number.replace(" ", "").upper()


def _with_problem(verdict: Verdict, problem: Problem) -> Verdict:
    return Verdict(
        verdict.message,
        verdict.header,
        verdict.transactions,
        verdict.control_sum,
        (*verdict.problems, problem),
        verdict.accounts,
        verdict.executions,
        verdict.more,
    )


def seal(file: File, sweep: Sweep) -> File | None:
    """approved: sign and encrypt exactly the bytes that were checked."""
    if not _still_in_time(file, sweep):
        return None
    terms, archive = terms_of(file, sweep), sweep.services.archive
    sealer, original, sealed = sealing(file, sweep)
    sweep.seals.make(sealer, original, sealed)
    if archive.digest(original)[0] != file.sha256:
        words = say("{name} changed after it was checked", name=original.name)
        raise Corrupt(words, say("Look into the dossier."))
    sha256, size = archive.digest(sealed)
    change = Change(sealed_sha256=sha256, sealed_size=size, checked_on=_today(terms, sweep))
    return sweep.move(file, Out.SEALED, change=change)


def sealing(file: File, sweep: Sweep) -> tuple[Sealer, Path, Path]:
    """Who seals a file, what, and as what."""
    sealed = sweep.services.archive.path(file.id, SEALED)
    return sweep.services.sealers[file.bank or ""], original_of(file, sweep), sealed


def stage(file: File, sweep: Sweep) -> File | None:
    """sealed: upload under a temporary name of this attempt; all of it may be repeated."""
    reserved = reserve(file, sweep) if _still_in_time(file, sweep) else None
    uploaded = put(reserved, sweep) if reserved is not None else None
    return staged(uploaded, sweep) if uploaded is not None else None


def reserve(file: File, sweep: Sweep) -> File | None:
    """Reserve the names of an attempt; committed before anything is uploaded under them."""
    terms, sealed = terms_of(file, sweep), sweep.services.archive.path(file.id, SEALED)
    sweep.session(terms.name)  # nothing is reserved while it cannot be spoken to
    if sweep.services.archive.digest(sealed) != (file.sealed_sha256, file.sealed_size):
        words = say("{name} changed after it was sealed", name=sealed.name)
        raise Corrupt(words, say("Look into the dossier."))
    return sweep.ledger.reserve(
        file,
        lambda number: _final_name(file, terms, number, sweep),
        terms.upload_folder,
        sweep.now,
        gap_free=terms.gap_free,
    )


def put(reserved: File, sweep: Sweep) -> File | None:
    """Upload under the reserved names; the file with the host that has it now."""
    terms = terms_of(reserved, sweep)
    sweep.stop_button(terms.name)  # others of its wave were uploaded since the login
    session = sweep.session(terms.name)
    if _name_taken(reserved, terms, session, sweep):
        return None
    _upload(reserved, terms, session, sweep)
    return replace(reserved, host=session.host)


def staged(uploaded: File, sweep: Sweep) -> File | None:
    """Note that it lies at the bank under its temporary name."""
    terms = terms_of(uploaded, sweep)
    change = Change(host=uploaded.host, checked_on=_today(terms, sweep))
    words = say("as {path}", path=temporary_path(uploaded, terms))
    return sweep.move(uploaded, Out.STAGED, words, change)


def _name_taken(file: File, terms: BankTerms, session: Session, sweep: Sweep) -> bool:
    """Does something lie under our final name before we announced it? Then a person looks."""
    final = final_path(file, terms)
    if session.stat(final) is None:
        return False
    words = say("{path} lies at the bank already, and it is not ours", path=final)
    remedy = say("Ask the bank what it is, then release the file.")
    hold(file, sweep, Problem("name-taken", Severity.HOLD, words, remedy))
    return True


def _upload(file: File, terms: BankTerms, session: Session, sweep: Sweep) -> None:
    """Put the temporary (and a detached signature, if the seal has one) beside its final name."""
    sealed = sweep.services.archive.path(file.id, SEALED)
    if file.attempt > 1 and terms.publish is not Publish.DIRECT:
        session.remove(temporary_path(file, terms, file.attempt - 1))
    sidecar = sweep.services.sealers[terms.name].sidecar(sealed)
    if sidecar is not None:
        session.put(sidecar, final_path(file, terms) + sidecar.suffix)
    if terms.publish is Publish.DIRECT:
        return
    temporary = temporary_path(file, terms)
    session.put(sealed, temporary)
    arrived = _size(session, temporary)
    if arrived != file.sealed_size and not _hidden(arrived, terms):
        found = "nothing" if arrived is None else f"{arrived} bytes"
        raise Transient(f"{file.sealed_size} bytes were sent, the bank shows {found}: {temporary}")


def deliver(file: File, sweep: Sweep) -> File | None:
    """staged: announce in the ledger, then make the file visible; only a clear yes is `sent`.

    Whatever else happens, `settle` looks at the server on a new session. Until the announcement
    everything may be repeated; after it, nothing is without proof.
    """
    if not _still_in_time(file, sweep):
        return None
    terms = terms_of(file, sweep)
    session = sweep.session(terms.name)
    if _name_taken(file, terms, session, sweep):
        return None
    if not _staged_whole(file, terms, session):
        words = say("its temporary is not at this host, so stage it again")
        return sweep.move(file, Out.SEALED, words)
    sweep.stop_button(terms.name)
    change = Change(host=session.host, checked_on=_today(terms, sweep))
    words = say("as {path}", path=final_path(file, terms))
    _tell_the_archive(replace(file, host=session.host), sweep)
    announced = sweep.move(file, Out.DELIVERING, words, change)
    if announced is None:
        return None
    try:
        _publish(announced, terms, session, sweep)
    except (H2HError, OSError) as error:
        sweep.drop(terms.name)
        sweep.log.event("unclear_delivery", file_id=file.id, bank=terms.name, because=str(error))
        return announced
    return sweep.move(announced, Out.SENT, say("the bank's server confirmed it"))


def _tell_the_archive(file: File, sweep: Sweep) -> None:
    """A ledger restored from a backup forgets what it announced; the archive does not."""
    told = evidence.announcement(file, sweep.ledger.head(), sweep.now)
    sweep.services.archive.announce(told)


def _staged_whole(file: File, terms: BankTerms, session: Session) -> bool:
    if terms.publish is Publish.DIRECT:
        return True
    shown = _size(session, temporary_path(file, terms))
    if _hidden(shown, terms):
        return session.host == file.host
    return shown == file.sealed_size


def _hidden(size: int | None, terms: BankTerms) -> bool:
    """Is nothing shown because this bank never shows anything? Then its answers alone count."""
    return size is None and terms.confirm is Confirm.REPORT_ONLY


def _publish(file: File, terms: BankTerms, session: Session, sweep: Sweep) -> None:
    final, temporary = final_path(file, terms), temporary_path(file, terms)
    match terms.publish:
        case Publish.RENAME:
            session.rename(temporary, final)
        case Publish.POSIX_RENAME:
            session.replace(temporary, final)
        case Publish.DIRECT:
            session.put(sweep.services.archive.path(file.id, SEALED), final)


def settle(file: File, sweep: Sweep) -> File | None:
    """delivering after an unclear end, or in_doubt: what the server shows decides, or a person.

    It is always looked at on a new session, at the host where the file was announced.
    """
    terms = terms_of(file, sweep)
    final, temporary = final_path(file, terms), temporary_path(file, terms)
    if file.state is Out.IN_DOUBT and terms.confirm is Confirm.REPORT_ONLY:
        return _doubt(file, final, sweep)
    session = sweep.fresh_session(terms.name, file.host)
    proof = _look(file, terms, session)
    if proof is Proof.UNKNOWN and file.state is Out.DELIVERING and withdraws(terms.publish):
        _try_to_withdraw(file, session, sweep)
        proof = _look(file, terms, session)
    match proof:
        case Proof.ARRIVED:
            words = say("{path} lies at the bank with our size", path=final)
            return sweep.move(file, Out.SENT, words)
        case Proof.RENAME_AGAIN:
            sweep.stop_button(terms.name)
            session.replace(temporary, final)
            return sweep.move(file, Out.SENT, say("the atomic rename was repeated"))
        case Proof.UNKNOWN:
            return _doubt(file, final, sweep)


def _look(file: File, terms: BankTerms, session: Session) -> Proof:
    final, temporary = final_path(file, terms), temporary_path(file, terms)
    seen = Sighting(_size(session, final), _size(session, temporary))
    return delivery_decision(terms.publish, seen, file.sealed_size, terms.confirm)


def _try_to_withdraw(file: File, session: Session, sweep: Sweep) -> None:
    try:
        withdraw(file, session, sweep)
    except Refused as error:  # the desk tries again before it lets the file go once more
        facts = {"file_id": file.id, "bank": file.bank}
        sweep.log.event("not_withdrawn", **facts, because=str(error))


def withdraw(file: File, session: Session, sweep: Sweep) -> bool:
    """Take the temporary away: what the bank says of the file is true for good only after that.

    True: that is so only now. It is remembered, since the bank may have been asked before.
    """
    session.remove(temporary_path(file, terms_of(file, sweep)))
    return sweep.ledger.slot(f"withdrawn {file.id} {file.attempt}", sweep.now)


def _doubt(file: File, final: str, sweep: Sweep) -> File | None:
    words = say(
        "the answer to publishing {path} was lost and the server shows no proof", path=final
    )
    doubtful = file if file.state is Out.IN_DOUBT else sweep.move(file, Out.IN_DOUBT, words)
    if doubtful is not None:
        remedy = say(
            "Ask the bank, then `h2h resolve --sent` or `--not-sent`; a report settles it too."
        )
        because = say("{cause}. {next_move}", cause=words, next_move=remedy)
        _wait(doubtful, None, because, sweep, failed=True)
    return None


def _wait(file: File, until: datetime | None, because: str, sweep: Sweep, *, failed: bool) -> None:
    """Leave a file where it is and say why; in doubt for too long, that comes first."""
    if file.state in ANNOUNCED and (call := _overdue(file, sweep)):
        because = f"{call} {because}"
    sweep.wait(file, until, because, failed=failed)


def _overdue(file: File, sweep: Sweep) -> str:
    """The call for a person once a file's arrival has been unproven for too long, else ""."""
    terms, announced = sweep.services.banks.get(file.bank or ""), _announced_at(file, sweep)
    if terms is None or announced is None or sweep.now - announced < terms.doubt_deadline:
        return ""
    return f"No proof of its arrival since {announced:%Y-%m-%d %H:%M} UTC: a person must ask."


def _announced_at(file: File, sweep: Sweep) -> datetime | None:
    moves = sweep.ledger.moves(file.id)
    return next((m.at for m in reversed(moves) if m.target == Out.DELIVERING), None)


def call_a_person(file: File, sweep: Sweep) -> None:
    """Tell once of a file that is in doubt for too long; nothing else follows from the time."""
    call = _overdue(file, sweep)
    if not call:
        return
    if not file.due_because.startswith(call):
        sweep.wait(file, file.due_at, f"{call} {file.due_because}".strip(), failed=False)
    slot = f"in doubt {file.id} {file.attempt}"
    if sweep.ledger.slot(slot, sweep.now):
        facts = {"file_id": file.id, "name": file.name, "bank": file.bank}
        sweep.log.event("in_doubt_too_long", **facts, final_name=file.final_name, because=call)


STEPS: Mapping[State, Step] = MappingProxyType(
    {
        Out.CLAIMING: claim,
        Out.CLAIMED: guarded(check, hold, Severity.HOLD),
        Out.VALID: consent.approve,
        Out.AWAITING_APPROVAL: consent.approve,
        Out.APPROVED: seal,
        Out.SEALED: stage,
        Out.STAGED: deliver,
        Out.DELIVERING: settle,
        Out.IN_DOUBT: settle,
    }
)
# Their steps speak to the bank; no other's trouble says anything about the session.
SPOKEN_OF = (Out.SEALED, Out.STAGED, Out.DELIVERING, Out.IN_DOUBT)

# ----------------------------------------------------------------------------- names and dates


def _today(terms: BankTerms, sweep: Sweep) -> date:
    return business_date(sweep.now, terms.zone)


def _of_the_moment(file: File, terms: BankTerms, sweep: Sweep) -> CheckTerms:
    """What the file is judged by now: the bank's terms, its time, and what else goes today."""
    check = terms.check
    gone: Mapping[str, Decimal] = {}
    if any(limit.day is not None for limit in check.limits.values()):
        gone = sweep.ledger.gone(terms.name, _today(terms, sweep), file)
    return replace(check, now=sweep.now.astimezone(terms.zone), gone_today=gone)


def _still_in_time(file: File, sweep: Sweep) -> bool:
    """Judge time and limits again, since the file may have waited; False: it is held."""
    terms = terms_of(file, sweep)
    today, agreed = _today(terms, sweep), _of_the_moment(file, terms, sweep)
    sums = {currency: Decimal(amount) for currency, amount in file.control_sum.items()}
    problems = (
        *judge_dates(file.executions, agreed, today),
        *judge_limits(file.transactions or 0, sums, agreed, today),
    )
    stopping = [p for p in problems if p.severity in {Severity.ERROR, Severity.HOLD}]
    waived = sweep.ledger.waived(file) if stopping else frozenset()
    stopped = [problem for problem in stopping if problem.rule not in waived]
    if stopped:
        hold(file, sweep, *stopped)
    return not stopped and consent.stands(file, sweep)


def _final_name(file: File, terms: BankTerms, number: int, sweep: Sweep) -> str:
    values: dict[str, Value] = {
        "customer": terms.customer,
        "message": file.message,
        "message_id": file.message_id,
        "date": _today(terms, sweep),
        "sequence": number,
        "id": file.id,
    }
    return expanded(terms.file_name, values)


def final_path(file: File, terms: BankTerms) -> str:
    """Where the file becomes visible to the bank."""
    return f"{terms.upload_folder}/{file.final_name}"


def temporary_path(file: File, terms: BankTerms, attempt: int | None = None) -> str:
    """Where an attempt (the present one, unless told) uploads before the file is announced."""
    values: dict[str, Value] = {"name": file.final_name, "attempt": attempt or file.attempt}
    return f"{terms.upload_folder}/{expanded(terms.temporary, values)}"


def _size(session: Session, path: str) -> int | None:
    seen = session.stat(path)
    return None if seen is None else seen.size


def _words(problems: tuple[Problem, ...], severity: Severity) -> str:
    return sentences(p.message for p in problems if p.severity is severity)
