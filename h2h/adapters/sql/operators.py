"""Operators in the ledger: who there is, changes by two persons, sessions, and the back-off.

Every change and every sign-in is a link of the chain that belongs to no file: `operator-…`,
`config-…`, `sign-…`. Secrets never enter it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, func, insert, select, update

from h2h.adapters import credentials
from h2h.adapters.sql import tables
from h2h.adapters.sql.prepared import Prepared
from h2h.adapters.sql.store import Store, append, moves
from h2h.core import retention
from h2h.core.fingerprints import as_far_as_read, changed_keys, digest
from h2h.core.operators import LEAST_ADMINS, UNKNOWN, Role
from h2h.core.words import say
from h2h.errors import Refused
from h2h.ports import MoveRow, Operator, Proposal, SessionRow, SignedIn

operators, sessions, sign_ins = tables.operators, tables.sessions, tables.sign_ins
proposals, configs = tables.proposals, tables.configs

_IDLE = timedelta(minutes=30)
_LONGEST = timedelta(hours=12)
_FORGOTTEN = timedelta(days=1)  # a failure that long ago counts no more
_NAME = 64  # characters of a name that nobody has, as far as it is kept
CONFIG = "config"
RETENTION = "retention"  # a list of files to be erased
UNHOLD = "unhold"  # a legal hold to be lifted
_PROPOSED = {
    CONFIG: "config-proposed",
    RETENTION: retention.PROPOSED,
    UNHOLD: retention.UNHOLD_PROPOSED,
}
_ID = 16  # characters of a session's hash that name it


class _Limit(NamedTuple):
    """`free` failures in a row before anybody has to wait, and the longest wait."""

    free: int
    longest: timedelta


_HARD = _Limit(4, timedelta(minutes=5))  # from one address
_SOFT = _Limit(50, timedelta(seconds=30))  # for one name, from all addresses


class OperatorRows(Store):
    """h2h.ports.Operators."""

    # -- who there is

    def operators(self) -> Sequence[Operator]:
        with self._reading() as connection:
            rows = connection.execute(select(operators).order_by(operators.c.name)).mappings()
            return [_operator(row) for row in rows]

    def operator(self, name: str) -> Operator | None:
        with self._reading() as connection:
            row = _active(connection, name)
            return _operator(row) if row else None

    def operator_of(self, os_user: str) -> Operator | None:
        wanted = select(operators).where(operators.c.os_user == os_user, operators.c.active)
        with self._reading() as connection:
            row = connection.execute(wanted).mappings().first() if os_user else None
            return _operator(row) if row else None

    def enrol(
        self,
        name: str,
        os_user: str,
        roles: Sequence[str],
        password: str,
        who: str,
        reason: str,
        now: datetime,
    ) -> None:
        secret = credentials.hashed(password) if password else ""
        with self._writing() as connection:
            if len(_admins(connection)) >= LEAST_ADMINS or Role.ADMIN not in roles:
                words = say("only the first {least} admins are added alone", least=LEAST_ADMINS)
                raise Refused(words, say("An admin proposes it, another one confirms it"))
            facts = {"roles": tuple(roles), "os_user": os_user}
            _insist_possible(connection, "add", name, facts)
            _apply(connection, "add", name, facts, secret, who, reason, now)

    # -- changes by two persons

    def propose(
        self,
        kind: str,
        subject: str,
        who: str,
        reason: str,
        now: datetime,
        *,
        roles: Sequence[str] = (),
        os_user: str = "",
        password: str = "",
    ) -> Proposal:
        secret = credentials.hashed(password) if password else ""
        facts = {"roles": list(roles), "os_user": os_user} if kind in {"add", "role"} else {}
        with self._writing() as connection:
            _insist_possible(connection, kind, subject, facts)
            row = propose_change(connection, kind, subject, facts, secret, who, reason, now)
            return proposal_of(row)

    def proposals(self, *, all_of_them: bool = False) -> Sequence[Proposal]:
        query = select(proposals).order_by(proposals.c.id)
        if not all_of_them:
            query = query.where(proposals.c.outcome == "")
        with self._reading() as connection:
            return [proposal_of(row) for row in connection.execute(query).mappings()]

    def decide(
        self, number: int, who: str, reason: str, now: datetime, *, confirmed: bool
    ) -> Proposal:
        with self._writing() as connection:
            row = open_proposal(connection, number)
            if confirmed:
                insist_second(row, who)
                _insist_here(row)
            if confirmed and row["who"] == UNKNOWN:
                return proposal_of(_agreed(connection, number, who, reason, now))
            outcome = "confirmed" if confirmed else "refused"
            set_decided(connection, number, outcome, who, now)
            kind, subject, facts = row["kind"], row["subject"], row["details"]
            second_half = ""
            if kind == CONFIG:
                _decide_config(connection, row, outcome, who, reason, now)
            elif confirmed:
                _insist_possible(connection, kind, subject, facts)
                told = f"change {number}, proposed by {row['who']}: {reason}"
                secret = row["secret"]
                if secret:
                    secret, second_half = credentials.completed(secret)
                _apply(connection, kind, subject, facts, secret, who, told, now)
            else:
                told = f"change {number} ({kind} {subject}) of {row['who']}: {reason}"
                of_retention = kind in {RETENTION, UNHOLD}
                target = retention.REFUSED if of_retention else "operator-refused"
                append(connection, "", "proposed", target, now, who, told, "")
            return replace(decided_proposal(connection, number), second_half=second_half)

    # -- one's own

    def set_password(self, name: str, password: str, now: datetime) -> None:
        secret = credentials.hashed(password)
        with self._reading() as connection:
            present = _insist_active(connection, name)["password"]
        if credentials.fits(password, present):
            words = say("this is the present password")
            raise Refused(words, say("Choose another one"))
        with self._writing() as connection:
            _insist_active(connection, name)
            ours = update(operators).where(operators.c.name == name)
            connection.execute(ours.values(password=secret, must_change=False))
            _revoke(connection, name, now)
            _told(connection, name, "operator-password", name, "his own password", now)

    def new_totp(self, name: str, now: datetime) -> str:
        secret, address = credentials.new_totp(name)
        with self._writing() as connection:
            _insist_active(connection, name)
            ours = update(operators).where(operators.c.name == name)
            connection.execute(ours.values(totp=secret, totp_step=0))
            _told(connection, name, "operator-totp", name, "his own second factor", now)
        return address

    def insist_password(self, name: str, password: str, now: datetime) -> None:
        key = f"password:{name}"
        with self._writing() as connection:
            _insist_waited(connection, (key,), now)
            _count_failure(connection, key, now)
            row = _insist_active(connection, name)
        if not credentials.fits(password, row["password"]):
            words = say("the present password is wrong")
            raise Refused(words, say("Try again; an admin can set a new password"))
        with self._writing() as connection:
            connection.execute(delete(sign_ins).where(sign_ins.c.key == key))

    # -- sessions

    def sign_in(
        self, name: str, password: str, totp: str, address: str, now: datetime
    ) -> tuple[str, SignedIn]:
        key = f"operator:{name[:_NAME]}"
        keys = (key, f"{key}@{address}", f"address:{address}")
        with self._writing() as connection:
            _insist_waited(connection, keys, now)
            # Counted before it is looked at: no race makes it cheaper. The name alone counts
            # softly, so that no stranger keeps an operator out who asks from elsewhere.
            _count_failure(connection, key, now, _SOFT)
            for each in keys[1:]:
                _count_failure(connection, each, now)
            row = _active(connection, name)
        kept = row["password"] if row else ""
        right = credentials.fits(password, kept)
        step = _second_factor(row, totp, now) if row else None
        with self._writing() as connection:
            if row is None or not right or step is None or not _used(connection, row, step):
                words = f"from {address}"
                append(connection, "", "", "sign-refused", now, name[:_NAME], words, "")
            else:
                connection.execute(delete(sign_ins).where(sign_ins.c.key.in_(keys)))
                token = _opened(connection, name, address, now)
                return token, _signed_in(connection, row, now, address)
        words = say("the name, the password or the code is wrong")
        raise Refused(words, say("Try again; an admin can set a new password"))

    def session(self, token: str, now: datetime, *, used: bool = True) -> SignedIn | None:
        kept = credentials.kept_token(token)
        query = (
            select(operators, sessions.c.created.label("since"), sessions.c.seen)
            .add_columns(sessions.c.address)
            .join(sessions, sessions.c.operator == operators.c.name)
            .where(sessions.c.token == kept, sessions.c.revoked.is_(None), operators.c.active)
        )
        with self._reading() as connection:
            row = connection.execute(query).mappings().first()
        if row is None or now - row["seen"] > _IDLE or now - row["since"] > _LONGEST:
            return None
        if used and now - row["seen"] > _IDLE / 30:  # not a write a page
            with self._writing() as connection:
                ours = update(sessions).where(sessions.c.token == kept)
                connection.execute(ours.values(seen=now))
        return _session(row, row["since"], row["address"])

    def session_id(self, token: str) -> str:
        return credentials.kept_token(token)[:_ID]

    def sessions(self, now: datetime) -> Sequence[SessionRow]:
        query = select(sessions).join(operators, operators.c.name == sessions.c.operator)
        query = query.where(_open(now), operators.c.active)
        with self._reading() as connection:
            rows = connection.execute(
                query.order_by(sessions.c.operator, sessions.c.created.desc())
            )
            return [
                SessionRow(row.token[:_ID], row.operator, row.address, row.created, row.seen)
                for row in rows
            ]

    def revoke(self, session: str, who: str, now: datetime) -> bool:
        if len(session) != _ID or not session.isalnum():
            return False
        ours = _open(now) & sessions.c.token.startswith(session)
        with self._writing() as connection:
            found = connection.execute(select(sessions).where(ours)).mappings().first()
            if found is None:
                return False
            this = sessions.c.token == found["token"]
            connection.execute(update(sessions).where(this).values(revoked=now))
            words = f"a session of {found['operator']} from {found['address']}"
            append(connection, "", "", "sign-out", now, who, words, "")
            return True

    def sign_out(self, token: str, now: datetime) -> None:
        ours = (sessions.c.token == credentials.kept_token(token)) & sessions.c.revoked.is_(None)
        with self._writing() as connection:
            found = connection.execute(select(sessions).where(ours)).mappings().first()
            if found is not None:
                connection.execute(update(sessions).where(ours).values(revoked=now))
                append(connection, "", "", "sign-out", now, found["operator"], "", "")

    def revoke_all(self, name: str, who: str, now: datetime) -> int:
        with self._writing() as connection:
            ended = _revoke(connection, name, now)
            append(connection, "", "", "sign-out", now, who, f"all sessions of {name}", "")
            return ended

    def room_moves(self, beginning: str) -> Sequence[MoveRow]:
        query = select(*(moves.c[field.name] for field in fields(MoveRow)))
        query = query.where(moves.c.file_id.is_(None), moves.c.target.startswith(beginning))
        with self._reading() as connection:
            rows = connection.execute(query.order_by(moves.c.sequence)).mappings()
            return [MoveRow(**{**row, "file_id": ""}) for row in rows]

    # -- the configuration

    def configured(
        self, sections: Mapping[str, Mapping[str, str]], who: str, now: datetime
    ) -> Proposal | None:
        with self._writing() as connection:
            first = _confirmed(connection) is None
            remembered = _remembered(connection)
            sections = as_far_as_read(sections, remembered)
            changed = changed_keys(remembered, sections)
            if first or not _anybody(connection):
                if changed or first:
                    _remember_config(connection, sections, changed, who, "the first person", now)
                return None
            waiting = _waiting_config(connection)
            if waiting is not None and waiting["secret"] == digest(sections):
                return proposal_of(waiting)
            if waiting is not None:
                set_decided(connection, waiting["id"], "superseded", who, now)
            if not changed:
                return None
            facts = {"keys": changed, "sections": [json.dumps(sections, sort_keys=True)]}
            subject = ", ".join(sorted({key.split(":")[0] for key in changed}))
            row = propose_change(
                connection, CONFIG, subject, facts, digest(sections), who, "config.toml", now
            )
            return proposal_of(row)

    def config_in_force(self) -> Mapping[str, str]:
        with self._reading() as connection:
            found = {row[0]: row[1] for row in _CONFIGURED.rows(connection, {})}
            return found if digest(found) == _confirmed(connection) else {}


# ------------------------------------------------------------------------------------------- rows


def _active(connection: Connection, name: str) -> RowMapping | None:
    ours = select(operators).where(operators.c.name == name, operators.c.active)
    return connection.execute(ours).mappings().first()


def _operator(row: RowMapping) -> Operator:
    return Operator(
        row["name"],
        row["os_user"],
        row["roles"],
        row["active"],
        bool(row["password"]),
        bool(row["totp"]),
        row["created"],
    )


def proposal_of(row: RowMapping) -> Proposal:
    details = {key: value for key, value in row["details"].items() if key != "sections"}
    told = {key: [value] if isinstance(value, str) else value for key, value in details.items()}
    names = (field.name for field in fields(Proposal) if field.name in row)
    return Proposal(**{**{name: row[name] for name in names}, "details": told})


def _admins(connection: Connection) -> list[str]:
    rows = connection.execute(select(operators).where(operators.c.active)).mappings()
    return [row["name"] for row in rows if Role.ADMIN in row["roles"]]


def _anybody(connection: Connection) -> bool:
    """Is or was there an operator, by the table or by the chain?"""
    here = connection.execute(select(operators.c.name).limit(1)).first()
    return here is not None or first_operator(connection) is not None


def first_operator(connection: Connection) -> int | None:
    """The first link of the chain that tells of one: never again does everybody act for himself."""
    of_room = moves.c.file_id.is_(None) & moves.c.target.startswith("operator-")
    return connection.execute(select(func.min(moves.c.sequence)).where(of_room)).scalar()


def _insist_active(connection: Connection, name: str) -> RowMapping:
    row = _active(connection, name)
    if row is None:
        words = say("there is no operator {name}", name=name)
        raise Refused(words, say("`h2h operator list` names them"))
    return row


# ---------------------------------------------------------------------------------------- changing


def _insist_possible(
    connection: Connection, kind: str, name: str, facts: Mapping[str, Sequence[str] | str]
) -> None:
    """Raise Refused for a change that contradicts what there is, or leaves too few admins."""
    if kind == "add":
        _insist_free(connection, name, str(facts["os_user"]))
        return
    row = _insist_active(connection, name)
    stays = kind != "remove" and (kind != "role" or Role.ADMIN in facts["roles"])
    if Role.ADMIN in row["roles"] and not stays and len(_admins(connection)) <= LEAST_ADMINS:
        words = say("{name} is one of the last {least} admins", name=name, least=LEAST_ADMINS)
        raise Refused(words, say("Add another admin first"))


def _insist_free(connection: Connection, name: str, os_user: str) -> None:
    taken = connection.execute(select(operators).where(operators.c.name == name)).first()
    if taken is not None:
        words = say("{name} is or was an operator: a name means one person for ever", name=name)
        raise Refused(words, say("Choose another name"))
    if os_user:
        ours = select(operators.c.name).where(operators.c.os_user == os_user, operators.c.active)
        if (owner := connection.execute(ours).scalar()) is not None:
            words = say("the user {user} is operator {name} already", user=os_user, name=owner)
            raise Refused(words, say("Give another --os-user, or none"))


def _apply(
    connection: Connection,
    kind: str,
    name: str,
    facts: Mapping[str, Sequence[str] | str],
    secret: str,
    who: str,
    reason: str,
    now: datetime,
) -> None:
    ours = update(operators).where(operators.c.name == name)
    told = name
    match kind:
        case "add":
            row = {"name": name, "os_user": facts["os_user"], "roles": tuple(facts["roles"])}
            new = insert(operators).values(**row, created=now)
            connection.execute(new.values(password=secret, must_change=bool(secret)))
            told = f"{name} as {', '.join(facts['roles'])}, user {facts['os_user'] or 'none'}"
        case "remove":
            connection.execute(ours.values(active=False))
        case "role":
            connection.execute(ours.values(roles=tuple(facts["roles"])))
            told = f"{name} as {', '.join(facts['roles'])}"
        case "password":
            connection.execute(ours.values(password=secret, must_change=True))
        case "totp":
            connection.execute(ours.values(totp="", totp_step=0))
    if kind != "add":
        _revoke(connection, name, now)
    _told(connection, name, f"operator-{kind}", who, f"{told}: {reason}", now)


def _told(
    connection: Connection, name: str, target: str, who: str, words: str, now: datetime
) -> None:
    """A link of the chain for a change of an operator, under the hash of what he is now."""
    row = connection.execute(select(operators).where(operators.c.name == name)).mappings().one()
    append(connection, "", "", target, now, who, words, fingerprint_of(row))
    newest = select(func.max(moves.c.sequence)).scalar_subquery()
    connection.execute(update(operators).where(operators.c.name == name).values(move=newest))


def fingerprint_of(row: RowMapping) -> str:
    """What of an operator decides what he may do, as a hash."""
    facts = [row["name"], row["os_user"], list(row["roles"]), row["active"]]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def propose_change(
    connection: Connection,
    kind: str,
    subject: str,
    facts: Mapping[str, object],
    secret: str,
    who: str,
    reason: str,
    now: datetime,
) -> RowMapping:
    number = (connection.execute(select(func.max(proposals.c.id))).scalar() or 0) + 1
    connection.execute(
        insert(proposals).values(
            id=number,
            kind=kind,
            subject=subject,
            details=facts,
            secret=secret,
            who=who,
            reason=reason,
            at=now,
        )
    )
    target = _PROPOSED.get(kind, "operator-proposed")
    words = f"change {number}, {kind} {subject}: {reason}"
    append(connection, "", "", target, now, who, words, digest(facts))
    found = select(proposals).where(proposals.c.id == number)
    return connection.execute(found).mappings().one()


def open_proposal(connection: Connection, number: int) -> RowMapping:
    found = select(proposals).where(proposals.c.id == number)
    row = connection.execute(found).mappings().first()
    if row is None or row["outcome"]:
        state = row["outcome"] if row else say("unknown")
        words = say("change {number} is {state}", number=number, state=state)
        raise Refused(words, say("`h2h operator list` shows what waits for a second person"))
    return row


def insist_second(row: RowMapping, who: str) -> None:
    """Raise Refused when `who` is whoever proposed it."""
    if row["who"] == who:
        words = say("{who} proposed it himself", who=who)
        raise Refused(words, say("A second person has to confirm it"))


def decided_proposal(connection: Connection, number: int) -> Proposal:
    """A change as it is now."""
    found = select(proposals).where(proposals.c.id == number)
    return proposal_of(connection.execute(found).mappings().one())


def _insist_here(row: RowMapping) -> None:
    """What h2h.ports.Retention confirms is compared with what there is, and not confirmed here."""
    number = row["id"]
    if row["kind"] == RETENTION:
        why = say("change {number} is a list of files to erase", number=number)
        raise Refused(why, say("`h2h retention confirm` compares it with what there is"))
    if row["kind"] == UNHOLD:
        why = say("change {number} lifts a legal hold", number=number)
        raise Refused(why, say("`h2h retention confirm` does it"))


def set_decided(connection: Connection, number: int, outcome: str, who: str, now: datetime) -> None:
    ours = update(proposals).where(proposals.c.id == number)
    connection.execute(ours.values(outcome=outcome, decided_by=who, decided=now, secret=""))


# ------------------------------------------------------------------------------------ signing in


def _insist_waited(connection: Connection, keys: Sequence[str], now: datetime) -> None:
    latest = select(func.max(sign_ins.c.until)).where(sign_ins.c.key.in_(keys))
    until = connection.execute(latest.where(sign_ins.c.until > now)).scalar()
    if until is not None:
        seconds = max(1, round((until - now).total_seconds()))
        words = say("too many attempts; the next one counts in {seconds} s", seconds=seconds)
        raise Refused(words, say("Wait, then try again; nothing is locked"))


def _count_failure(connection: Connection, key: str, now: datetime, limit: _Limit = _HARD) -> None:
    """One more in a row; behind the free ones a wait that doubles, up to the longest."""
    connection.execute(delete(sign_ins).where(sign_ins.c.until < now - _FORGOTTEN))
    ours = sign_ins.c.key == key
    before = connection.execute(select(sign_ins.c.failures).where(ours)).scalar() or 0
    over = before + 1 - limit.free
    wait = timedelta(seconds=2 ** min(over, 9)) if over > 0 else timedelta()
    until = now + min(wait, limit.longest)
    connection.execute(delete(sign_ins).where(ours))
    row = {"key": key, "failures": before + 1, "until": until}
    connection.execute(insert(sign_ins).values(**row))


def _second_factor(row: RowMapping, code: str, now: datetime) -> int | None:
    """The step of the code; 0 where none is asked for, None when it is wrong."""
    if not row["totp"]:
        return 0
    return credentials.totp_step(row["totp"], code, now, row["totp_step"])


def _used(connection: Connection, row: RowMapping, step: int) -> bool:
    """Is everything still as it was judged, and the code not used beside us? Then it is used."""
    ours = operators.c.name == row["name"]
    same = (operators.c.password == row["password"]) & (operators.c.totp == row["totp"])
    unused = operators.c.totp_step == row["totp_step"]
    wanted = update(operators).where(ours, same, unused, operators.c.active)
    changed = wanted.values(totp_step=max(step, row["totp_step"]))
    return connection.execute(changed).rowcount == 1


def _opened(connection: Connection, name: str, address: str, now: datetime) -> str:
    token = credentials.new_token()
    row = {"token": credentials.kept_token(token), "operator": name, "address": address}
    connection.execute(insert(sessions).values(**row, created=now, seen=now))
    append(connection, "", "", "sign-in", now, name, f"from {address}", "")
    return token


def _signed_in(connection: Connection, row: RowMapping, now: datetime, address: str) -> SignedIn:
    current = _active(connection, row["name"]) or row
    return _session(current, now, address)


def _session(row: RowMapping, since: datetime, address: str) -> SignedIn:
    fresh = row["must_change"]
    return SignedIn(row["name"], () if fresh else row["roles"], fresh, since, address)


def _open(now: datetime) -> ColumnElement[bool]:
    """Sessions that are neither ended nor too old."""
    young = (sessions.c.seen >= now - _IDLE) & (sessions.c.created >= now - _LONGEST)
    return sessions.c.revoked.is_(None) & young


def _revoke(connection: Connection, name: str, now: datetime) -> int:
    ours = update(sessions).where(sessions.c.operator == name, sessions.c.revoked.is_(None))
    return connection.execute(ours.values(revoked=now)).rowcount


# ------------------------------------------------------------------------------ the configuration


def _remembered(connection: Connection) -> dict[str, dict[str, str]]:
    """As it was confirmed; {} when the chain tells otherwise of it: then all of it is new."""
    rows = connection.execute(select(configs.c.section, configs.c.facts))
    found = {section: dict(keys) for section, keys in rows}
    digests = {section: digest(keys) for section, keys in found.items()}
    return found if digest(digests) == _confirmed(connection) else {}


def _confirmed(connection: Connection) -> str | None:
    """The hash under which the chain has the configuration that was confirmed last."""
    found = _CONFIRMED.rows(connection, {})
    return found[0][0] if found else None


_CONFIGURED = Prepared(select(configs.c.section, configs.c.digest))
_CONFIRMED = Prepared(
    select(moves.c.content)
    .where(moves.c.file_id.is_(None), moves.c.target == "config-confirmed")
    .order_by(moves.c.sequence.desc())
    .limit(1)
)


def _remember_config(
    connection: Connection,
    sections: Mapping[str, Mapping[str, str]],
    changed: Sequence[str],
    who: str,
    words: str,
    now: datetime,
) -> None:
    connection.execute(delete(configs))
    content = digest({name: digest(keys) for name, keys in sections.items()})
    told = f"{words}: {', '.join(changed) or 'as before'}"
    append(connection, "", "", "config-confirmed", now, who, told, content)
    newest = connection.execute(select(func.max(moves.c.sequence))).scalar()
    rows = [
        {"section": name, "facts": keys, "digest": digest(keys), "move": newest}
        for name, keys in sections.items()
    ]
    if rows:
        connection.execute(insert(configs), rows)


def _waiting_config(connection: Connection) -> RowMapping | None:
    waiting = select(proposals).where(proposals.c.kind == CONFIG, proposals.c.outcome == "")
    return connection.execute(waiting).mappings().first()


def _agreed(
    connection: Connection, number: int, who: str, reason: str, now: datetime
) -> RowMapping:
    """Whoever says yes to what nobody owns up to is the first person for it."""
    ours = update(proposals).where(proposals.c.id == number)
    connection.execute(ours.values(who=who, reason=reason, at=now))
    append(connection, "", "proposed", "config-agreed", now, who, f"change {number}: {reason}", "")
    return open_proposal(connection, number)


def _decide_config(
    connection: Connection, row: RowMapping, outcome: str, who: str, reason: str, now: datetime
) -> None:
    if outcome == "confirmed":
        (text,) = row["details"]["sections"]
        words = f"change {row['id']} of {row['who']}, {reason}"
        _remember_config(connection, json.loads(text), row["details"]["keys"], who, words, now)
        return
    words = f"change {row['id']} of {row['who']}: {reason}"
    append(connection, "", "proposed", "config-refused", now, who, words, "")
