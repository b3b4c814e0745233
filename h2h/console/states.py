"""Each state as a shape, a word and a kind of colour; never a colour alone."""

from __future__ import annotations

from typing import NamedTuple

from h2h.core.words import Words, say


class StateWord(NamedTuple):
    """`kind` is one of done, waiting, refused, doubt, quiet."""

    shape: str
    kind: str
    word: Words | str


STATES: dict[str, StateWord] = {
    "claiming": StateWord("·", "quiet", say("being taken in")),
    "claimed": StateWord("·", "quiet", say("taken in")),
    "valid": StateWord("·", "quiet", say("checked")),
    "awaiting_approval": StateWord("◔", "waiting", say("awaits approval")),
    "approved": StateWord("·", "quiet", say("approved")),
    "sealed": StateWord("·", "quiet", say("sealed")),
    "staged": StateWord("·", "quiet", say("staged")),
    "delivering": StateWord("·", "quiet", say("being delivered")),
    "sent": StateWord("○", "quiet", say("sent")),
    "acknowledged": StateWord("○", "quiet", say("acknowledged")),
    "accepted": StateWord("●", "done", say("accepted")),
    "part_accepted": StateWord("◐", "waiting", say("accepted in part")),
    "rejected": StateWord("▲", "refused", say("rejected by the bank")),
    "cancelled_by_bank": StateWord("▲", "refused", say("cancelled by the bank")),
    "in_doubt": StateWord("◆", "doubt", say("in doubt")),
    "held": StateWord("◔", "waiting", say("held")),
    "invalid": StateWord("▲", "refused", say("refused")),
    "duplicate": StateWord("▲", "refused", say("duplicate")),
    "cancelled": StateWord("□", "quiet", say("cancelled")),
    "fetched": StateWord("·", "quiet", say("fetched")),
    "opened": StateWord("·", "quiet", say("opened")),
    "read": StateWord("·", "quiet", say("read")),
    "booked": StateWord("●", "done", say("booked")),
    "exporting": StateWord("·", "quiet", say("being handed over")),
    "done": StateWord("●", "done", say("handed over")),
    "quarantined": StateWord("▲", "refused", say("quarantined")),
    "instructed": StateWord("·", "quiet", say("instructed")),
    "returned": StateWord("▲", "refused", say("returned")),
    "superseded": StateWord("□", "quiet", say("superseded")),
    "waiting": StateWord("◔", "waiting", say("waits")),
    "due": StateWord("·", "quiet", say("due")),
    "handing": StateWord("·", "quiet", say("being handed over")),
    # what happened to a payment, beside what happened to its file
    "noted": StateWord("·", "quiet", say("noted")),
    "told": StateWord("○", "quiet", say("told by the bank")),
    "recall": StateWord("◔", "waiting", say("recall")),
    "exact": StateWord("●", "done", say("booked")),
    "batch": StateWord("●", "done", say("booked with its batch")),
    "return": StateWord("▲", "refused", say("returned")),
    "uncertain": StateWord("◔", "waiting", say("uncertain")),
    "tied": StateWord("○", "quiet", say("told of the same entry")),
    "asked": StateWord("◔", "waiting", say("asked, not answered")),
    "pending": StateWord("◔", "waiting", say("not decided yet")),
    "recalled": StateWord("●", "done", say("taken back")),
    "refused": StateWord("▲", "refused", say("refused by the bank")),
    # acts on the room, as the chain names them
    "paused": StateWord("▲", "refused", say("paused")),
    "resumed": StateWord("●", "done", say("resumed")),
    "sign-in": StateWord("·", "quiet", say("signed in")),
    "sign-out": StateWord("·", "quiet", say("signed out")),
    "sign-refused": StateWord("▲", "refused", say("sign-in refused")),
    "operator-proposed": StateWord("◔", "waiting", say("change of an operator proposed")),
    "operator-refused": StateWord("▲", "refused", say("change of an operator refused")),
    "operator-add": StateWord("●", "done", say("operator added")),
    "operator-remove": StateWord("□", "quiet", say("operator removed")),
    "operator-role": StateWord("●", "done", say("roles changed")),
    "operator-password": StateWord("·", "quiet", say("password set")),
    "operator-totp": StateWord("·", "quiet", say("second factor changed")),
    "config-proposed": StateWord("◔", "waiting", say("configuration changed")),
    "config-confirmed": StateWord("●", "done", say("configuration confirmed")),
    "config-refused": StateWord("▲", "refused", say("configuration refused")),
    "retention-proposed": StateWord("◔", "waiting", say("erasure proposed")),
    "retention-confirmed": StateWord("●", "done", say("erasure confirmed")),
    "retention-refused": StateWord("▲", "refused", say("erasure or lifting refused")),
    "retention-hold": StateWord("●", "done", say("legal hold placed")),
    "retention-unhold-proposed": StateWord("◔", "waiting", say("lifting a hold proposed")),
    "retention-unhold": StateWord("□", "quiet", say("legal hold lifted")),
    "retention-kept": StateWord("·", "quiet", say("not erased")),
    "verify-whole": StateWord("●", "done", say("archive verified: whole")),
    "verify-broken": StateWord("▲", "refused", say("archive verified: findings")),
    "recovering": StateWord("◔", "waiting", say("recovery began")),
    "recovered": StateWord("●", "done", say("recovery ended")),
}
