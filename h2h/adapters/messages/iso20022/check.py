"""Initiations (pain.001 credit transfers, pain.008 collections): judged as a stream.

One pass: the bytes go past the schema in a thread of their own, and are read as payments for the
rules of the core. Only a file with problems is read again, for the lines and places of what is
wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from lxml import etree

from h2h import resources
from h2h.adapters.messages.iso20022 import schema, xml
from h2h.adapters.messages.iso20022.fields import kind_of
from h2h.adapters.messages.iso20022.payments import Reading
from h2h.core.payment import Chunk, Header, Verdict
from h2h.core.problem import Problem, Severity
from h2h.core.rules import RULES, Finding, Rule, Tally
from h2h.core.rules.rule import agreed_severity
from h2h.core.terms import CheckTerms
from h2h.core.words import Words, say

MOST_TOLD = 100  # problems
_OUTGOING = ("pain.001.", "pain.008.")


def check(path: Path, terms: CheckTerms, today: date, *, first: bool = False) -> Verdict:
    """Judge a payment file by its schema and the rules, all problems at once.

    With `first`, reading ends at the first problem of severity `error`. Never raises for bad
    content. Raises ConfigError when the bank's own schema is not usable.
    """
    message = None
    try:
        head = xml.opening(path, terms.largest_file)
        message = head.message or None
        return _Check(path, head, _schemas(head, terms), terms, today, first=first).verdict()
    except xml.Unreadable as refused:
        return Verdict(message, None, None, {}, (refused.problem,))


def payments(path: Path) -> Iterator[Chunk]:
    """The payments of a file that was found valid, in chunks. Raises Corrupt when it changed."""
    return Reading(path, xml.opening(path)).chunks()


def _schemas(head: xml.Opening, terms: CheckTerms) -> Mapping[str, etree.XMLSchema]:
    """The schemas to judge by, the standard's and the bank's own; what neither knows is refused.

    A version or national variant that is not carried is judged by the bank's schema alone.
    """
    own = None if terms.schema is None else schema.load(terms.schema)
    outgoing = head.message.startswith(_OUTGOING)
    if head.enclosed:
        words = say(
            "{message} is enclosed in {root}, an envelope", message=head.message, root=head.root
        )
    elif not head.message:
        words = say(
            "the root {root} is in no name space of ISO 20022 ({namespace})",
            root=head.root,
            namespace=head.namespace or "-",
        )
    elif not outgoing:
        words = say("{message} is no payment file", message=head.message)
    elif head.root != "Document":
        words = say(
            "the root of {message} is {root}; it must be Document",
            message=head.message,
            root=head.root,
        )
    elif head.standard and (standard := schema.carried(head.message)) is not None:
        return {"schema": standard} | ({"bank-schema": own} if own is not None else {})
    elif (
        own is not None
        and terms.schema is not None
        and schema.space(terms.schema) == head.namespace
    ):
        return {"bank-schema": own}
    elif head.standard:
        words = say("this version is not known here: {message}", message=head.message)
    else:
        words = say(
            "{message} is a national or bank's own variant ({namespace})",
            message=head.message,
            namespace=head.namespace,
        )
    versions = ", ".join(each for each in resources.carried() if each.startswith(_OUTGOING))
    remedy = say(
        "Write the file as one of {versions}, with nothing around it; or give the bank's own "
        "schema for it in the configuration (schema).",
        versions=versions,
    )
    return xml.refuse("message", words, remedy)


class _Enough(Exception):
    """Ends the reading when the first problem is all that was asked for."""


@dataclass(frozen=True, slots=True)
class _Noted:
    """A finding of a rule, not yet placed."""

    rule: Rule
    severity: Severity
    finding: Finding


class _Check:
    """One judgement: what passes, and what was found."""

    def __init__(
        self,
        path: Path,
        head: xml.Opening,
        schemas: Mapping[str, etree.XMLSchema],
        terms: CheckTerms,
        today: date,
        *,
        first: bool,
    ) -> None:
        self._path, self._head, self._terms, self._first = path, head, terms, first
        self._kind = kind_of(head.message)
        self._schemas = schemas
        self._judges = {rule: schema.Judge(each) for rule, each in schemas.items()}
        self._rules = [rule(terms, today) for rule in RULES]
        self._noted: list[_Noted] = []
        self._counts: Counter[str] = Counter()
        self._accounts: dict[str, None] = {}
        self._tally = Tally()

    def verdict(self) -> Verdict:
        header, complete = self._read()
        problems = [*self._problems()]
        told = _chosen(problems, 1 if self._first else MOST_TOLD)
        placed = [*self._placed(told)]
        sums = self._tally.by_currency
        return Verdict(
            self._head.message,
            header,
            self._tally.transactions if complete else None,
            {ccy: total for ccy, total in sums.items() if complete and not total.is_nan()},
            tuple(sorted(placed, key=_in_the_file)),
            tuple(self._accounts),
            tuple(sorted(self._tally.executions)),
            more=sum(self._counts.values()) + len(problems) - len(self._noted) - len(placed),
        )

    # -- the pass

    def _read(self) -> tuple[Header, bool]:
        """Let everything pass; the header, and whether the end was reached."""
        beside = schema.Beside([*self._judges.values()], ahead=not self._first)
        reading = Reading(self._path, self._head, partial(self._watch, beside))
        try:
            with beside:
                for chunk in reading.chunks():
                    self._look(chunk)
            self._end(reading.header)
        except _Enough:
            return reading.header, False
        except xml.Unreadable as refused:
            if refused.problem.line is not None:
                self._refuse_exactly()
            raise
        return reading.header, True

    def _refuse_exactly(self) -> None:
        """Let the parser alone read the file again: then what it says has the right line."""
        for _ in Reading(self._path, self._head, lift=False).chunks():
            pass

    def _watch(self, beside: schema.Beside, block: bytes) -> None:
        beside.feed(block)
        if self._first and any(judge.struck for judge in self._judges.values()):
            raise _Enough

    def _look(self, chunk: Chunk) -> None:
        ended = [*self._tally.add(chunk)]
        demands = self._terms.profile.of_chunk(chunk)
        for rule in self._rules:
            self._note(rule, rule.payments(chunk, demands))
            for totals in ended:
                self._note(rule, rule.batch(totals))
        previous = None
        for batch in chunk.batches:
            if batch is not previous:
                previous = batch
                self._accounts[batch.account] = None

    def _end(self, header: Header) -> None:
        ended = [*self._tally.end()]
        again = partial(payments, self._path)
        for rule in self._rules:
            for totals in ended:
                self._note(rule, rule.batch(totals))
            self._note(rule, rule.file(header, self._tally, again))

    def _note(self, rule: Rule, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self._counts[rule.id] += 1
            severity = rule.severity_by(self._terms)
            if self._counts[rule.id] <= MOST_TOLD:
                self._noted.append(_Noted(rule, severity, finding))
            if self._first and severity is Severity.ERROR:
                raise _Enough

    # -- what is told of it

    def _problems(self) -> Iterator[_Noted | _Told]:
        yield from self._encoding()
        yield from self._slips()
        yield from self._noted

    def _encoding(self) -> Iterator[_Told]:
        if not self._head.utf8:
            words = say(
                "is written in {encoding}; ISO 20022 messages are in UTF-8",
                encoding=self._head.encoding,
            )
            yield self._told("encoding", Severity.ERROR, words, say("Write the file in UTF-8."))
        if self._head.byte_order_mark:
            words = say("begins with a byte order mark: lawful, but some banks' systems refuse it")
            remedy = say("Write the file in UTF-8 without a byte order mark.")
            yield self._told("byte-order-mark", Severity.WARN, words, remedy)

    def _told(self, rule: str, usual: Severity, words: Words, remedy: Words) -> _Told:
        severity = agreed_severity(self._terms, rule, usual)
        return _Told(Problem(rule, severity, words, remedy, line=1, column=1, code="FF01"))

    def _slips(self) -> Iterator[_Told]:
        """What the schemas say; what the standard's refuses already, the bank's does not repeat."""
        told: set[tuple[tuple[schema.Step, ...], int | None]] = set()
        for rule, judge in self._judges.items():
            if judge.complaints():
                slips = schema.slips(self._path, self._schemas[rule], judge)
                fresh = [slip for slip in slips if (slip.trail, slip.line) not in told]
                told.update((slip.trail, slip.line) for slip in slips)
                yield from self._explained(rule, fresh)

    def _explained(self, rule: str, slips: Sequence[schema.Slip]) -> Iterator[_Told]:
        severity = Severity.ERROR
        # the standard's own is not for agreement, nor is the bank's where it judges alone
        if rule != "schema" and "schema" in self._schemas:
            severity = agreed_severity(self._terms, rule, severity)
        from h2h.adapters.messages.iso20022 import places  # noqa: PLC0415 - only where it is wrong
        from h2h.adapters.messages.iso20022.explain import explain  # noqa: PLC0415 - the same

        wanted = {places.place_of_trail(slip.trail, self._kind) for slip in slips}
        names = places.names(payments(self._path), wanted)
        for slip in slips:
            told = explain(slip.complaint, [tag for tag, _ in slip.trail])
            yield _Told(
                Problem(
                    rule,
                    severity,
                    told.message,
                    told.remedy,
                    places.trail_words(slip.trail, self._kind, names),
                    slip.line,
                    told.code,
                    places.xpath(slip.trail) or None,
                    slip.column,
                    told.found or None,
                    told.expected or None,
                )
            )

    def _placed(self, problems: Sequence[_Noted | _Told]) -> Iterator[Problem]:
        """Each with its line, column and XPath."""
        if not problems:
            return
        from h2h.adapters.messages.iso20022 import places  # noqa: PLC0415 - only where it is wrong

        spots = {
            id(noted): places.spots_of(noted.finding, self._kind)
            for noted in problems
            if isinstance(noted, _Noted) and noted.finding.where is not None
        }
        wanted = {spot for each in spots.values() for spot in each}
        found = places.locate(self._path, self._kind, wanted)
        for noted in problems:
            if isinstance(noted, _Told):
                yield noted.problem
                continue
            here = next((found[spot] for spot in spots.get(id(noted), ()) if spot in found), None)
            rule, finding = noted.rule, noted.finding
            yield Problem(
                rule.id,
                noted.severity,
                finding.message,
                rule.remedy,
                places.path_words(finding, self._kind),
                here.line if here else None,
                finding.code or rule.code or None,
                here.xpath if here else None,
                here.column if here else None,
                finding.found or None,
                finding.expected or None,
            )


@dataclass(frozen=True, slots=True)
class _Told:
    """A problem that has its place already."""

    problem: Problem

    @property
    def severity(self) -> Severity:
        return self.problem.severity


def _rule_id(each: _Noted | _Told) -> str:
    return each.rule.id if isinstance(each, _Noted) else each.problem.rule


def _chosen(problems: Sequence[_Noted | _Told], most: int) -> Sequence[_Noted | _Told]:
    """The gravest `most`, each rule heard at least once, so that no severity goes unsaid."""
    heard: set[str] = set()
    firsts: list[_Noted | _Told] = []
    rest: list[_Noted | _Told] = []
    for each in problems:
        (rest if _rule_id(each) in heard else firsts).append(each)
        heard.add(_rule_id(each))
    order = [*Severity]
    ranked = [
        *sorted(firsts, key=lambda each: order.index(each.severity)),
        *sorted(rest, key=lambda each: order.index(each.severity)),
    ]
    return ranked[:most]


def _in_the_file(problem: Problem) -> tuple[int, int]:
    return problem.line or 0, problem.column or 0
