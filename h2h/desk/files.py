"""What a person may do. Each act carries a name and a reason and is a link of the chain.

Nothing here is done twice: every act compares the state it was meant for, and says so when the
file has moved on meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from h2h.core.operators import Act, may
from h2h.core.problem import Severity
from h2h.core.recall import REASONS, USUAL_REASON
from h2h.core.states import ANNOUNCED, AT_THE_BANK, BEFORE_DELIVERING, In, Out, withdraws
from h2h.core.status import KNOWN_AT_BANK
from h2h.core.words import say, sentences
from h2h.desk.signing import insist, permitted, signed
from h2h.errors import Refused
from h2h.flows.outbound import advance, final_path, settle, temporary_path, withdraw
from h2h.flows.sweep import Sweep, terms_of
from h2h.ports import Change, File, Ledger, MoveRow, StatementRow


def release(
    ledger: Ledger, identity: str, who: str, reason: str, now: datetime, *, seen: int | None = None
) -> str:
    """Let a held file, or a held statement of a bank file, go on; returns its new state.

    The rules that held a file are waived for exactly this content: changed bytes are judged anew.
    `seen` is the `last_move` of the file as the person saw it: what was found since is not waived.
    A file that its bank knows already is released only by somebody who saw that.
    """
    signed(ledger, who, reason, Act.RELEASE)
    if (file := _outgoing(ledger, identity)) is None:
        return _outcome(identity, ledger.release_statement(identity, who, reason, now), ledger)
    if file.state is not Out.HELD or file.held_from is None:
        words = say("{id} is {state}, not held", id=file.id, state=file.state)
        raise Refused(words, say("Only what is held is released"))
    rules = [p.rule for p in file.problems if p.severity is Severity.HOLD]
    if (seen is None and KNOWN_AT_BANK in rules) or seen not in {None, file.last_move}:
        raise _look_again(file)
    waived = ledger.waive(file, rules, who, reason, now) if rules else file
    if waived is None:
        raise moved_on(file)
    return state_of(ledger.move(waived, file.held_from, now, because=reason, who=who), file)


def reject(ledger: Ledger, identity: str, who: str, reason: str, now: datetime) -> str:
    """Refuse a file that is held or waits for approval (it is cancelled), or a held statement (it
    is never booked)."""
    signed(ledger, who, reason, Act.REJECT)
    if (file := _outgoing(ledger, identity)) is None:
        return _outcome(identity, ledger.reject_statement(identity, who, reason, now), ledger)
    if file.state not in {Out.HELD, Out.AWAITING_APPROVAL}:
        words = say("{id} is {state}, not held", id=file.id, state=file.state)
        raise Refused(words, say("`h2h cancel` takes a file back"))
    return cancel(ledger, identity, who, reason, now)


def cancel(ledger: Ledger, file_id: str, who: str, reason: str, now: datetime) -> str:
    """Take a payment file back before it is delivered; it will not be sent."""
    signed(ledger, who, reason, Act.CANCEL)
    file = file_named(ledger, file_id)
    if file.state is Out.CLAIMING:
        words = say("{id} is being taken out of its door", id=file.id)
        raise Refused(words, say("Try again in a moment"))
    if file.state in ANNOUNCED:
        words = say("{id} is {state}: it may be at the bank", id=file.id, state=file.state)
        next_move = say(
            "Ask the bank; when it does not have it, `h2h resolve --not-sent`, then cancel"
        )
        raise Refused(words, next_move)
    if file.state in AT_THE_BANK:
        words = say("{id} is {state}: the bank has it", id=file.id, state=file.state)
        raise Refused(words, say("`h2h recall` asks the bank to take it back"))
    if file.state not in BEFORE_DELIVERING:
        words = say("{id} is {state} already", id=file.id, state=file.state)
        raise Refused(words, say("Nothing is left to cancel"))
    return state_of(ledger.move(file, Out.CANCELLED, now, because=reason, who=who), file)


def recall(
    ledger: Ledger,
    identity: str,
    who: str,
    reason: str,
    now: datetime,
    *,
    recall_id: str,
    code: str = USUAL_REASON,
    payments: Sequence[str] = (),
    batches: Sequence[str] = (),
) -> File:
    """Ask the bank to take back a payment file, batches of it, or payments; returns the recall.

    `identity` is a file's id, or the EndToEndId of one payment; `recall_id` a new file id. Only the
    intent is committed here: the recall is written and sent as payment files are.
    """
    signed(ledger, who, reason, Act.RECALL)
    if code not in REASONS:
        words = say("{code} is no reason for a recall", code=code)
        raise Refused(words, say("One of: {codes}", codes=", ".join(REASONS)))
    original = ledger.file(identity)
    if original is None:
        original = _file_of_payment(ledger, identity)
        if original and (payments or batches):
            words = say("{id} is an EndToEndId: it names one payment already", id=identity)
            raise Refused(words, say("Leave out --payment and --batch, or name the file"))
        payments = (identity,)
    original = original or file_named(ledger, identity)
    _recallable(original)
    _insist_there(ledger, original)
    recalled = ledger.recall(
        original,
        recall_id,
        payments=payments,
        batches=batches,
        code=code,
        who=who,
        reason=reason,
        now=now,
    )
    if recalled is None:
        raise moved_on(original)
    return recalled


def resolve_sent(ledger: Ledger, file_id: str, who: str, reason: str, now: datetime) -> str:
    """Settle a doubt: the bank says that it has the file."""
    signed(ledger, who, reason, Act.RESOLVE)
    file = _doubtful(ledger, file_id)
    return state_of(ledger.move(file, Out.SENT, now, because=reason, who=who), file)


def look_again(sweep: Sweep, file_id: str, who: str) -> str:
    """Look at the bank's server for a file in doubt, now; returns its state. That decides nothing:
    only proof settles it. Whoever calls this holds the ledger's lock."""
    insist(sweep.ledger, who, Act.RESOLVE)
    file = _doubtful(sweep.ledger, file_id)
    _insist_configured(file, sweep)
    advance(file, sweep, {Out.IN_DOUBT: settle})
    bank = file.bank or ""
    if bank in sweep.unreachable:
        because = sweep.unreachable[bank]
        words = say("{bank} could not be reached: {because}", bank=bank, because=because)
        raise Refused(words, say("Look again later"))
    return file_named(sweep.ledger, file.id).state.value


def resolve_not_sent(
    sweep: Sweep, file_id: str, who: str, reason: str, *, seen: int | None = None
) -> str:
    """Settle a doubt: the bank says that it does not have the file, so the same bytes go again.

    A mistake pays twice. Where there is another approver, one of them has to say it too: then this
    returns `in_doubt`, and who said it first stands in the chain, for as long as nothing else comes
    to the file.

    The old temporary must have been gone when the bank was asked: until then a late rename could
    publish it, beside what the bank said and beside the new one. What lies under the final name
    speaks against the person. `seen` is the `last_move` of the file as the bank was asked about it:
    the word on one attempt says nothing of a later one. Whoever calls this holds the ledger's
    lock: beside it, the daemon could publish that temporary.
    """
    signed(sweep.ledger, who, reason, Act.RESOLVE)
    file = _doubtful(sweep.ledger, file_id)
    if seen not in {None, file.last_move}:
        raise moved_on(file)
    _insist_configured(file, sweep)
    _insist_not_there(file, sweep)
    if not _agreed(sweep.ledger, file, who):
        said = f"{_NOT_SENT}{reason}"
        return state_of(sweep.ledger.note(file, said, who, sweep.now), file)
    moved = sweep.ledger.move(file, Out.SEALED, sweep.now, because=reason, who=who)
    return state_of(moved, file)


def second_for(ledger: Ledger, who: str) -> list[str]:
    """Who has to say it too when `who` says that a file did not arrive: one of these operators; []
    while there is no other one who approves."""
    there = [each for each in ledger.operators() if each.active and each.name != who]
    return [each.name for each in there if may(each.roles, Act.APPROVE)]


def said_not_sent(ledger: Ledger, file: File, newest: MoveRow | None) -> MoveRow | None:
    """Who was the first to say that a file in doubt did not arrive, by its newest move; None when
    nobody did, something came since, or he may not say so any more."""
    if file.state is not Out.IN_DOUBT or newest is None or newest.source != newest.target:
        return None
    said = newest.who != "h2h" and str(newest.because).startswith(_NOT_SENT)
    return newest if said and permitted(ledger, newest.who, Act.RESOLVE) else None


_NOT_SENT = "it did not arrive: "  # how the first one's link of the chain begins


def _agreed(ledger: Ledger, file: File, who: str) -> bool:
    """Is `who` the second one to say so, where it takes a second one?"""
    others = second_for(ledger, who)
    if not others:
        return True
    moves = ledger.moves(file.id)
    first = said_not_sent(ledger, file, moves[-1] if moves else None)
    if first is None:
        return False
    names = ", ".join(others)
    if first.who == who or not permitted(ledger, who, Act.APPROVE):
        words = say("{first} has said so, and a wrong word pays twice", first=first.who)
        raise Refused(words, say("One of these has to say it too: {names}", names=names))
    if why := ledger.broken_path(file):
        words = say("the ledger was changed by hand: {why}", why=why)
        raise Refused(words, say("See `h2h archive verify`"))
    return True


def _insist_configured(file: File, sweep: Sweep) -> None:
    if (file.bank or "") not in sweep.services.banks:
        raise not_configured(file.bank or "")


def _insist_not_there(file: File, sweep: Sweep) -> None:
    """Raise Refused unless the bank's server shows nothing of it, and showed nothing before."""
    terms = terms_of(file, sweep)
    session = sweep.fresh_session(terms.name, file.host)
    if withdraws(terms.publish) and withdraw(file, session, sweep):
        words = say("{path} may have been published until now", path=temporary_path(file, terms))
        raise Refused(words, say("It is removed now: ask the bank once more, then say it again"))
    there = session.stat(final_path(file, terms))
    if there is not None:
        words = say(
            "{name} lies at the bank with {size} bytes", name=file.final_name, size=there.size
        )
        raise Refused(words, say("It arrived, or arrived in part: settle it with the bank"))


def replay(ledger: Ledger, file_id: str, who: str, reason: str, now: datetime) -> str:
    """Have a bank file read again: one that was quarantined, or the statements of one that is done.

    What is in the books already stays as it is; what was held is judged anew.
    """
    signed(ledger, who, reason, Act.REPLAY)
    file = ledger.file(file_id)
    if file is None or file.direction != "in":
        words = say("there is no bank file {id}", id=file_id)
        raise Refused(words, say("`h2h statements` lists the ids"))
    if file.state not in {In.QUARANTINED, In.DONE}:
        words = say("{id} is {state}, neither quarantined nor done", id=file.id, state=file.state)
        raise Refused(words, say("Look at it with `h2h show`, then decide"))
    if file.state is In.DONE and not ledger.statements(file.id):
        words = say("{id} is done, and has no statements that could be read anew", id=file.id)
        raise Refused(words, say("Nothing is left to do"))
    _insist_there(ledger, file)
    again = Change(problems=())
    return state_of(ledger.move(file, In.FETCHED, now, because=reason, who=who, change=again), file)


def pause(ledger: Ledger, bank: str, who: str, reason: str, now: datetime) -> None:
    """Stop everything outward at once, at `bank` or, with "", at all."""
    signed(ledger, who, reason, Act.PAUSE)
    ledger.pause(bank, who, reason, now)


def resume(ledger: Ledger, bank: str, who: str, reason: str, now: datetime) -> None:
    """Go on after a pause; a bank's failed logins are forgotten."""
    signed(ledger, who, reason, Act.RESUME)
    paused = ledger.resume(bank, who, reason, now)
    if not paused and not bank:
        words = say("nothing is paused as a whole")
        raise Refused(words, say("`h2h status` shows what is paused"))


def file_named(ledger: Ledger, file_id: str) -> File:
    """The payment file of this id; raises Refused when there is none."""
    file = ledger.file(file_id)
    if file is None or file.direction != "out":
        words = say("there is no payment file {id}", id=file_id)
        raise Refused(words, say("`h2h status` lists the ids"))
    return file


def _insist_there(ledger: Ledger, file: File) -> None:
    if ledger.erased(file.id):
        words = say("{id} is erased, its time is over", id=file.id)
        raise Refused(words, say("`h2h archive show` tells what stays of it"))


def _outgoing(ledger: Ledger, identity: str) -> File | None:
    """The payment file with this id; None when no file has it, as that of a statement."""
    file = ledger.file(identity)
    if file is None or file.direction == "out":
        return file
    waiting = [row.id for row in ledger.undecided() if row.file_id == identity]
    words = say("{id} is a bank file; a statement of it is released or rejected", id=identity)
    if waiting:
        raise Refused(words, say("Waiting in it: {ids}", ids=", ".join(waiting)))
    raise Refused(words, say("None of its statements waits for a person"))


def _look_again(file: File) -> Refused:
    """What holds the file is not, or not surely, what the person saw."""
    why = sentences(p.message for p in reversed(file.problems) if p.severity is Severity.HOLD)
    words = say("{id} is held: {why}", id=file.id, why=why or file.because)
    shell = say("Look at it again, then decide; in the shell: `--seen {move}`", move=file.last_move)
    return Refused(words, shell)


def _doubtful(ledger: Ledger, file_id: str) -> File:
    file = file_named(ledger, file_id)
    if file.state is Out.DELIVERING:
        words = say("{id} is being delivered", id=file.id)
        raise Refused(words, say("Wait until h2h has looked at the server"))
    if file.state is not Out.IN_DOUBT:
        words = say("{id} is {state}, not in doubt", id=file.id, state=file.state)
        raise Refused(words, say("Nothing is left to settle"))
    return file


def state_of(moved: File | None, file: File) -> str:
    """The state that it was moved to; raises Refused when it had moved on."""
    if moved is None:
        raise moved_on(file)
    return moved.state.value


def not_configured(bank: str) -> Refused:
    """A bank that is not, or no longer, in config.toml."""
    words = say("the running h2h knows no bank {bank}", bank=bank)
    return Refused(words, say("Put it into config.toml, restart h2h, then ask again"))


def moved_on(file: File) -> Refused:
    """Somebody else was faster."""
    words = say("{id} moved on meanwhile", id=file.id)
    return Refused(words, say("Look at it with `h2h show`, then decide"))


def _file_of_payment(ledger: Ledger, end_to_end_id: str) -> File | None:
    """The one payment file with a payment of this EndToEndId; None when there is none."""
    found = sorted({row.file_id for row in ledger.payments_named(end_to_end_id)})
    if len(found) > 1:
        files = ", ".join(found)
        words = say("{id} is a payment of several files: {files}", id=end_to_end_id, files=files)
        raise Refused(words, say("Name the file, and the payment with --payment"))
    return ledger.file(found[0]) if found else None


def _recallable(file: File) -> None:
    """The bank must have it; while that is open, a recall could arrive before what it recalls."""
    if file.direction != "out" or file.recall:
        words = say("{id} is no payment file", id=file.id)
        raise Refused(words, say("Only payment files and their payments are recalled"))
    if file.state in BEFORE_DELIVERING:
        words = say("{id} is {state}: the bank does not have it", id=file.id, state=file.state)
        raise Refused(words, say("`h2h cancel` takes a file back"))
    if file.state is Out.DELIVERING:
        words = say("{id} is being delivered", id=file.id)
        raise Refused(words, say("Wait until h2h has looked at the server"))
    if file.state is Out.IN_DOUBT:
        words = say("{id} is in doubt", id=file.id)
        raise Refused(words, say("Settle the doubt first, with `h2h resolve`"))
    if file.state not in AT_THE_BANK - {Out.REJECTED, Out.CANCELLED_BY_BANK}:
        words = say("{id} is {state} already", id=file.id, state=file.state)
        raise Refused(words, say("Nothing is left to recall"))


def _outcome(identity: str, row: StatementRow | None, ledger: Ledger) -> str:
    if row is not None:
        return row.kept.value
    file_id = identity.rpartition("-")[0]
    known = [each for each in ledger.statements(file_id) if each.id == identity]
    if not known:
        words = say("there is no file and no statement {id}", id=identity)
        raise Refused(words, say("See `h2h status`"))
    words = say("statement {id} is {state} already", id=identity, state=known[0].kept.value)
    raise Refused(words, _decision(ledger.moves(file_id), identity) or say("See `h2h show`"))


def _decision(moves: Sequence[MoveRow], identity: str) -> str:
    """What a person decided last on a statement, and when; "" when nobody did."""
    for move in reversed(moves):
        if move.who != "h2h" and identity in move.because.replace(",", " ").split():
            when = f"{move.at:%Y-%m-%d %H:%M} UTC"
            what = move.because.partition(": ")[2]
            return say("On {when} {what}", when=when, what=what)
    return ""
