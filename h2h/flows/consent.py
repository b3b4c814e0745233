"""Whether a payment file may go: what the policies ask and who said yes, whether the chain agrees
with the ledger, and whether the configuration in force is confirmed.

A file waits for approvals under the hash of its content and of the terms in force; before it is
sealed all of that is judged again, so that nothing that was approved under other terms, or entered
into the ledger by hand, is sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime, time

from h2h.core.approval import Demand, Facts, Policy, approve_by, demanded
from h2h.core.books import account_key
from h2h.core.calendar import business_date
from h2h.core.fingerprints import UNREAD, digest
from h2h.core.operators import UNKNOWN
from h2h.core.payment import Verdict
from h2h.core.problem import Problem, Severity
from h2h.core.states import Out
from h2h.core.words import say, sentences
from h2h.flows.sweep import NotNow, Sweep, terms_of
from h2h.ports import Asked, BankTerms, Change, File, Proposal, Services


def approve(file: File, sweep: Sweep) -> File | None:
    """valid, awaiting_approval: wait for what the policies ask, or go on when they ask nothing."""
    if file.state is Out.AWAITING_APPROVAL:
        asked = _wish(file, Demand(), sweep)
        before = sweep.ledger.asked_of(file.id)
        if before is not None and (before.content, before.terms) == (asked.content, asked.terms):
            enough = not sweep.ledger.waiting_for(before)
            return sweep.move(file, Out.APPROVED, say("approved")) if enough else None
    demand = demand_of(file, sweep)
    if _held(file, demand, sweep):
        return None
    if demand.nothing:
        return sweep.move(file, Out.APPROVED, say("no approval is asked for"))
    return _ask(file, demand, sweep)


def stands(file: File, sweep: Sweep) -> bool:
    """Before a file is sealed, put at the bank, or made visible: may it still? False: it was held,
    or waits for approvals again. Raises NotNow while the configuration is not confirmed."""
    _insist_confirmed(terms_of(file, sweep), sweep)
    if why := sweep.ledger.broken_path(file):
        words = say("the ledger was changed by hand: {why}", why=why)
        remedy = say("Find out who did it, see `h2h archive verify`, and cancel the file.")
        _hold(file, sweep, Problem("changed-by-hand", Severity.HOLD, words, remedy))
        return False
    return file.state is not Out.APPROVED or _approved(file, sweep)


def demand_of(file: File, sweep: Sweep) -> Demand:
    """What the policies ask of an admitted file now. A recall was asked for by a person already."""
    policies = sweep.services.policies.of(file.bank or "")
    if file.recall or not policies:
        return Demand()
    return demanded(_facts(file, policies, sweep), policies, sweep.services.rates())


def terms_in_force(terms: BankTerms, services: Services) -> str:
    """A hash of the policies and of the bank's configuration: what approvals are bound to."""
    both = f"{services.policies.fingerprint}\n{terms.fingerprint}"
    return hashlib.sha256(both.encode()).hexdigest()


def confidential(file: File, bank: str | None, verdict: Verdict, services: Services) -> bool | None:
    """True for a file of a confidential door or account; else its payments may still say so."""
    if any(door.terms.confidential for door in services.doors if door.terms.name == file.door):
        return True
    ours = {account_key(number) for number in verdict.accounts}
    terms = services.banks.get(bank or "")
    return True if terms and ours & terms.confidential_accounts else None


def remember_config(services: Services) -> Proposal | None:
    """Compare the configuration, with what stands in the files that it names, with the one that is
    confirmed, and log the change that waits for a second person.

    Whoever owns config.toml is the first person; who exchanged a file behind its back is unknown.
    """
    if not services.sections:
        return None
    contents, known = services.contents(), services.ledger.config_in_force()
    exchanged = changed_since(
        {name: facts for name, facts in contents.items() if name in known}, known
    )
    who = UNKNOWN if exchanged else _person(services.configured_by, services)
    sections = {**services.sections, **contents}
    change = services.ledger.configured(sections, who, services.clock.now())
    if change is not None:
        keys = ", ".join(change.details.get("keys", ()))
        services.log.event("config_changed", change=change.id, by=change.who, keys=keys)
    return change


# ---------------------------------------------------------------------------------------- approval


def _approved(file: File, sweep: Sweep) -> bool:
    demand = demand_of(file, sweep)
    if _held(file, demand, sweep):
        return False
    if demand.nothing or not sweep.ledger.waiting_for(_wish(file, demand, sweep)):
        return True
    _ask(file, demand, sweep)
    return False


def _ask(file: File, demand: Demand, sweep: Sweep) -> File | None:
    wish = _wish(file, demand, sweep)
    waiting = sweep.ledger.ask_approval(file, demand, wish.terms, wish.involved, sweep.now)
    if waiting is not None:
        sweep.log.event(
            "awaiting_approval",
            file_id=file.id,
            name=file.name,
            bank=file.bank,
            because=wish.because,
        )
    return None


def _wish(file: File, demand: Demand, sweep: Sweep) -> Asked:
    """What is asked for now, under the terms in force."""
    return Asked(
        file.id,
        file.sha256,
        terms_in_force(terms_of(file, sweep), sweep.services),
        demand.count,
        demand.groups,
        sentences(demand.reasons),
        tuple(_involved(file, sweep.services)),
        sweep.now,
    )


def _involved(file: File, services: Services) -> Iterator[str]:
    """Who dropped the file and who configured, as the desk would name them."""
    for user in sorted({file.dropped_by, services.configured_by} - {""}):
        yield _person(user, services)


def _person(user: str, services: Services) -> str:
    """The operator whom the operating system knows as `user`, else `os:user`."""
    operator = services.ledger.operator_of(user)
    return operator.name if operator else f"os:{user}"


def _facts(file: File, policies: tuple[Policy, ...], sweep: Sweep) -> Facts:
    """Only what the policies look at: who was paid before is a walk over all payments."""
    ledger, terms = sweep.ledger, terms_of(file, sweep)
    today = business_date(sweep.now, terms.zone)
    began = datetime.combine(today, time(), terms.zone)
    asks_day = any(policy.day_above is not None for policy in policies)
    known = any(policy.asks_creditors for policy in policies)
    found = ledger.creditors(file) if known else None
    due = [each for each in file.executions if each.day <= today]
    check = terms.check
    last = approve_by(due, check.cut_offs, terms.calendar, terms.zone, sweep.now)
    return Facts(
        terms.name,
        tuple(ledger.account_sums(file)),
        {account_key(account.number): account.entity for account in terms.accounts},
        tuple(ledger.sums_gone(terms.name, today, file, began)) if asks_day else (),
        found.new if found else 0,
        found.changed if found else 0,
        last is not None and last.passed,
    )


def _held(file: File, demand: Demand, sweep: Sweep) -> bool:
    waived = sweep.ledger.waived(file) if demand.hold else frozenset()
    holds = [problem for problem in demand.hold if problem.rule not in waived]
    if holds:
        _hold(file, sweep, *holds)
    return bool(holds)


def _hold(file: File, sweep: Sweep, *reasons: Problem) -> None:
    rules = {reason.rule for reason in reasons}
    problems = (*(p for p in file.problems if p.rule not in rules), *reasons)
    words = sentences(reason.message for reason in reasons)
    sweep.move(file, Out.HELD, words, Change(problems=problems))


# ----------------------------------------------------------------------------------- configuration


def _insist_confirmed(terms: BankTerms, sweep: Sweep) -> None:
    """Raise NotNow while how this bank, or a policy, is configured waits for a second person."""
    services = sweep.services
    if not services.sections:
        return
    changed = unconfirmed(
        {**services.sections, **services.contents()}, sweep.ledger.config_in_force(), terms.name
    )
    if changed:
        words = say(
            "the configuration of {sections} was changed; a second person has to confirm it: "
            "`h2h config confirm --reason …`",
            sections=", ".join(changed),
        )
        raise NotNow(words)


def unconfirmed(
    sections: Mapping[str, Mapping[str, str]], in_force: Mapping[str, str], bank: str
) -> list[str]:
    """What of the configuration decides on files to `bank` and is not as it was confirmed."""
    ours = f"banks.{bank}"
    return changed_since(
        {
            name: facts
            for name, facts in sections.items()
            if name == ours or name.startswith(f"{ours}.") or not name.startswith("banks.")
        },
        in_force,
    )


def changed_since(
    sections: Mapping[str, Mapping[str, str]], in_force: Mapping[str, str]
) -> list[str]:
    """The sections that are not as they were confirmed; a file that cannot be read is no news."""
    return [
        name
        for name, facts in sections.items()
        if UNREAD not in facts.values() and in_force.get(name, digest({})) != digest(facts)
    ]
