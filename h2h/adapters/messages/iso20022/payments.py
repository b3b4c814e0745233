"""The payments of an initiation (pain.001, pain.008), read in one pass and in flat memory.

The parser reads the head of each batch and whatever is written in an unusual way; payments written
like those before them are lifted past it (see lifting.py). Both give the same rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

from h2h.adapters.messages.iso20022 import lifting, xml
from h2h.adapters.messages.iso20022.fields import Finder, Kind, Plan, kind_of
from h2h.core import money
from h2h.core.payment import LINE, Address, Agent, Batch, Chunk, Columns, Header
from h2h.core.words import say

CHUNK = 1000  # payments
_MOST_PLANS, _LONGEST_PLAN = 1000, 200  # kept; leaves of a payment
_LARGEST_PART = 1 << 20  # bytes of one payment, or of what stands between two: a tree of 30 MB


class Reading:
    """A pass over the payments. `header` is complete when the chunks are through.

    `watch` sees every block of bytes first. With `lift` False the parser reads everything: what it
    says of a broken file then has the right line.
    """

    def __init__(
        self, path: Path, head: xml.Opening, watch: xml.Watch | None = None, *, lift: bool = True
    ) -> None:
        self._path, self._watch, self._head = path, watch, head
        self._kind = kind = kind_of(head.message)
        self._stream = xml.Stream(head, ("GrpHdr", "PmtInf", kind.payment))
        self._payment_tag, self._batch_tag = head.tag(kind.payment), head.tag("PmtInf")
        self._rows = _Rows(head.namespace, kind)
        self._lift = lift and head.utf8 and "ASCII" not in head.encoding
        # without attributes: so it is neither an empty element nor one with other name spaces
        self._start = re.compile(rf"<(?:{lifting.PREFIX})?{kind.payment}\s*>")
        end = re.compile(rf"</(?:{lifting.PREFIX})?{kind.payment}\s*>")
        self._between = lifting.Between(end, self._parsed, self._lift_from)
        self._batch: Batch | None = None
        self._batch_element: xml.Element | None = None
        self._batches = self._payments = 0
        self._last: tuple[str, ...] | None = None  # what the parser read last was this payment
        self._unread = 0  # bytes that the parser holds as a tree
        self._pending = _Pending()
        self.header = Header(head.message, "", "", "", None, None)

    def chunks(self) -> Iterator[Chunk]:
        """The payments in the file's order, about CHUNK at a time, whatever batch they are in."""
        for piece in self._between.pieces(self._blocks(), lift=self._lift):
            if piece:
                self._last = None
                self._unread += len(piece)
                for element in self._stream.feed(piece):
                    self._element(element)
                if self._unread > _LARGEST_PART:
                    _refuse_part()
            if len(self._pending.rows) >= CHUNK:
                yield self._pending.chunk()
        self._stream.close()
        if self._pending.rows:
            yield self._pending.chunk()

    # -- the text between parser and shapes

    def _blocks(self) -> Iterator[bytes]:
        for block in xml.blocks(self._path):
            xml.refuse_endless(block)
            if self._watch is not None:
                self._watch(block)
            yield block

    def _lift_from(self, text: str, position: int) -> int:
        rows, position = self._rows.shapes.rows(text, position)
        if rows and self._batch is not None:
            self._pending.add(self._batch, self._payments + 1, rows)
            self._payments += len(rows)
        return position

    def _parsed(self, piece: str) -> bool:
        """Did the parser read the one payment that `piece` ends with? Its shape is learned.

        The payment's tag stands in `piece` twice, once as a start, once at its end. So what the
        parser saw the end of has ended here, whatever else `piece` may hold. Where something may
        hide tags, nothing is concluded all the same.
        """
        if self._last is None or piece.count(self._kind.payment) != 2:
            return False
        if not (self._rows.plain and lifting.is_open(piece)):
            return False
        start = self._start.search(piece)
        if start is not None:
            self._rows.learn(piece[start.start() :], self._last)
        return start is not None

    # -- what the parser has read

    def _element(self, element: xml.Element) -> None:
        self._last = None
        if element.tag == self._payment_tag:
            batch = self._batch_of(element)
            if batch is not None:
                self._payments += 1
                self._last = self._rows.parsed(element)
                self._pending.add(batch, self._payments, [self._last])
                self._forget(element)
        elif _depth(element) == 2:
            self._upper(element)

    def _batch_of(self, element: xml.Element) -> Batch | None:
        """The batch that a payment lies in; None for a namesake in supplementary data."""
        parent = element.getparent()
        if parent is None or parent.tag != self._batch_tag:
            return None
        if parent is not self._batch_element:
            if _depth(parent) != 2:
                return None
            self._begin(parent)
        return self._batch

    def _begin(self, element: xml.Element) -> None:
        self._batches += 1
        self._payments = 0
        self._batch_element = element
        self._batch = _batch(self._batches, self._rows.batch(element))

    def _upper(self, element: xml.Element) -> None:
        """The group header or a batch has ended."""
        if element.tag == self._batch_tag:
            if element is not self._batch_element:  # it has no payments, but it counts
                self._begin(element)
            self._batch_element = None
        else:
            self.header = _header(self._head.message, self._rows.header(element))
        self._forget(element)

    def _forget(self, element: xml.Element) -> None:
        xml.forget(element)
        self._unread = 0


class _Pending:
    """Payments that wait for their chunk to be full."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, ...]] = []
        self._batches: list[Batch] = []
        self._numbers: list[int] = []

    def add(self, batch: Batch, number: int, rows: Sequence[tuple[str, ...]]) -> None:
        self.rows += rows
        self._batches += [batch] * len(rows)
        self._numbers += range(number, number + len(rows))

    def chunk(self) -> Chunk:
        chunk = Chunk(self._batches, self._numbers, Columns(*zip(*self.rows, strict=True)))
        self.rows, self._batches, self._numbers = [], [], []
        return chunk


class _Rows:
    """Turns elements to fields, and remembers how payments are written."""

    def __init__(self, namespace: str, kind: Kind) -> None:
        self._space = f"{{{namespace}}}"
        self._payment = self._space + kind.payment
        self._payment_finder = Finder(kind.payment_paths)
        self._batch_finder = Finder(kind.batch_paths)
        self._header_finder = Finder(kind.header_paths)
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._spaces: Mapping[str | None, str] = {}
        self.plain = True  # so are the prefixes of these name spaces
        self.shapes = lifting.Shapes()

    def parsed(self, element: xml.Element) -> tuple[str, ...]:
        """The fields of a payment that the parser has read."""
        leaves = self._leaves(element)
        return self._plan(tuple(path for path, _ in leaves)).row(tuple(text for _, text in leaves))

    def learn(self, fragment: str, row: tuple[str, ...]) -> None:
        """Remember how a payment is written, if it gives the `row` that the parser found."""
        if not self.shapes.want(fragment) or (pattern := lifting.learn(fragment)) is None:
            return
        self.shapes.learned += len(fragment)
        match, plan = pattern.expression.fullmatch(fragment), self._plan(pattern.paths)
        if match and plan.row(match.groups()) == row:
            self.shapes.add(lifting.Shape(pattern.expression, plan))

    def batch(self, element: xml.Element) -> Mapping[str, str]:
        """The fields of a batch, whose payments may not all have been read."""
        if element.nsmap != self._spaces:  # the same tags may mean something else from here on
            self._spaces = element.nsmap
            self.plain = lifting.are_plain(self._spaces)
            self.shapes.forget()
        leaves: list[tuple[str, str]] = []
        for child in element:
            if child.tag != self._payment:
                self._walk(child, "", leaves)
        return self._batch_finder.read(leaves)

    def header(self, element: xml.Element) -> Mapping[str, str]:
        """The fields of the group header."""
        return self._header_finder.read(self._leaves(element))

    def _plan(self, paths: tuple[str, ...]) -> Plan:
        if len(paths) > _LONGEST_PLAN:
            return Plan(self._payment_finder, paths)
        if paths not in self._plans:
            if len(self._plans) > _MOST_PLANS:
                self._plans.clear()
            self._plans[paths] = Plan(self._payment_finder, paths)
        return self._plans[paths]

    def _leaves(self, element: xml.Element) -> list[tuple[str, str]]:
        leaves: list[tuple[str, str]] = []
        for child in element:
            self._walk(child, "", leaves)
        return leaves

    def _walk(self, element: xml.Element, above: str, leaves: list[tuple[str, str]]) -> None:
        path = above + str(element.tag).removeprefix(self._space)
        leaves += [(f"{path}@{name!s}", str(value)) for name, value in element.items()]
        if len(element) == 0:
            leaves.append((path, element.text or ""))
        for child in element:
            self._walk(child, path + "/", leaves)


def _refuse_part() -> NoReturn:
    words = say(
        "holds a payment, or something between two, of more than {bytes} bytes",
        bytes=_LARGEST_PART,
    )
    remedy = say("Split the payment, or leave out what does not belong into a payment file.")
    xml.refuse("xml", words, remedy)


def _depth(element: xml.Element) -> int:
    return sum(1 for _ in element.iterancestors())


def _header(message: str, fields: Mapping[str, str]) -> Header:
    named = ("party_id", "party_bic", "party_lei", "party_name")
    return Header(
        message=message,
        message_id=fields.get("message_id", ""),
        initiating_party=next(filter(None, map(_first_of(fields), named)), ""),
        created=fields.get("created", ""),
        transactions=_count(fields.get("transactions", "")),
        control_sum=_sum(fields.get("control_sum", "")),
        party_name=fields.get("party_name", ""),
        party_lei=fields.get("party_lei", ""),
        authorisations=tuple(filter(None, fields.get("authorisations", "").split(LINE))),
    )


def _first_of(fields: Mapping[str, str]) -> Callable[[str], str]:
    return lambda name: fields.get(name, "").partition(LINE)[0]


def _batch(index: int, fields: Mapping[str, str]) -> Batch:
    first = _first_of(fields)
    return Batch(
        index=index,
        id=first("id"),
        method=first("method"),
        name=first("name"),
        account=first("iban") or first("number"),
        iban=first("iban"),
        account_currency=first("account_currency"),
        agent=Agent(
            first("agent_bic"),
            first("agent_member"),
            first("agent_member_scheme"),
            first("agent_name"),
            first("agent_lei"),
            _address(fields, "agent_"),
        ),
        requested_execution_date=_date(first("requested_execution_date")),
        service_level=first("service_level"),
        local_instrument=first("local_instrument"),
        category_purpose=first("category_purpose"),
        charge_bearer=first("charge_bearer"),
        transactions=_count(first("transactions")),
        control_sum=_sum(first("control_sum")),
        address=_address(fields, ""),
        lei=first("lei"),
        ultimate_name=first("ultimate_name"),
        ultimate_address=_address(fields, "ultimate_"),
        creditor_scheme_id=first("creditor_scheme_id"),
        sequence_type=first("sequence_type"),
        charges_iban=first("charges_iban"),
        agent_iban=first("agent_iban"),
    )


def _address(fields: Mapping[str, str], prefix: str) -> Address:
    return Address(
        fields.get(f"{prefix}town", ""),
        fields.get(f"{prefix}country", ""),
        fields.get(f"{prefix}address_lines", ""),
        fields.get(f"{prefix}address_parts", ""),
    )


def _sum(text: str) -> Decimal | None:
    """A control sum; the standard's schema allows it a sign."""
    stripped = text.strip()
    try:
        value = money.amount(stripped.removeprefix("-"))
    except ValueError:
        return None  # it is missing, or the schema says that it is no number
    return value.copy_negate() if stripped.startswith("-") else value


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def _date(text: str) -> date | None:
    """The day of an xs:date or xs:dateTime, as written, in whatever zone it names."""
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError:
        return None
