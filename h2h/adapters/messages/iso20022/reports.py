"""The entries of account reports, read in one pass and in flat memory.

The bytes go past the schema in a thread of their own. The parser reads what stands around the
entries and whatever is written in an unusual way; entries written like those before them are lifted
past it (see lifting.py). Only where the schema finds something is the file read again, for the
places of the slips.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, NoReturn, cast

from lxml import etree

from h2h.adapters.messages.iso20022 import incoming, lifting, schema, xml
from h2h.adapters.messages.iso20022.entries import Details, Doubt, EntryTexts, choose, entry
from h2h.adapters.messages.iso20022.incoming import Node, Opened, Severities
from h2h.adapters.messages.iso20022.marks import maker, marked
from h2h.adapters.messages.iso20022.shapes import Shape, Shapes, Texts, resolved
from h2h.core.problem import Problem, Severity
from h2h.core.statement import Entry

PART = 256  # entries, about: more leave the processor's cache
_LARGEST_ENTRY = 1 << 26  # bytes; the transactions of a batch booking take five times as much
_MOST_DETAILS = 5000  # transactions that wait with their entries
_MOST_ELEMENTS = 100  # transactions of an entry that are in memory as a tree
_LONGEST_END = 100  # bytes of an end tag, with a prefix
_UTF8 = frozenset({"UTF-8", "UTF8"})
_PREFIX = re.compile(rf"</?({lifting.PREFIX})?")


class Doubted(NamedTuple):
    """An entry that is left out, why, and the tags to what is wrong with it."""

    place: int  # in its report, from 1
    why: str
    path: str
    line: int | None


class ReportPart(NamedTuple):
    """Some entries of a report, from 1, or the end of the message: its number is 0.

    `head` is what stands beside the entries, as far as it is known: the same object as in the part
    before, unless there is more. `held` says by which slips a person must look at the report.
    """

    number: int
    entries: list[Entry]
    doubted: list[Doubted]
    head: Node
    group: Node
    last: bool
    held: tuple[str, ...] = ()


def parts(
    opened: Opened, problems: list[Problem], severities: Severities, *, lift: bool = True
) -> Iterator[ReportPart]:
    """The reports of a file part by part, in its order; slips are added to `problems`.

    Raises Corrupt where the file turns out to be none. Where a slip is to hold its report, all must
    be known of a report before it ends, so it is read slowly; so it is with `lift` False.
    """
    if not lift or severities.get("schema") is Severity.HOLD:
        return map(_parsed, incoming.parts(opened, problems, severities))
    return _beside(opened, problems, severities)


def _parsed(part: incoming.Part) -> ReportPart:
    entries, doubted = list[Entry](), list[Doubted]()
    for index, node in enumerate(part.items, part.first):
        try:
            entries.append(entry(index, choose(node)))
        except Doubt as doubt:
            doubted.append(Doubted(index, str(doubt), doubt.path, node.line))
    return ReportPart(part.block, entries, doubted, part.head, part.group, part.last, part.held)


def _beside(
    opened: Opened, problems: list[Problem], severities: Severities
) -> Iterator[ReportPart]:
    """Read while the schema judges beside. All that it says against a file is looked into later."""
    problems += incoming.version_between(opened, severities)
    known = incoming.schema_of(opened)
    judges = [] if known is None else [schema.Judge(known)]
    with schema.Beside(judges) as beside:
        watch = _Unwrapped(beside.feed) if opened.enclosed else beside.feed
        yield from _Reading(opened, watch).parts()
    if any(judge.complaints() for judge in judges):
        incoming.slips(opened, problems, severities)


class _Unwrapped:
    """Hands on the message in an envelope: from the first tag of that name to the last of its end.

    Where it is not found so, as in another encoding, all is handed on: no schema likes an envelope.
    """

    _START = re.compile(rf"<(?:{lifting.PREFIX})?Document[\s>]".encode())
    _END = re.compile(rf"</(?:{lifting.PREFIX})?Document\s*>".encode())

    def __init__(self, feed: xml.Watch) -> None:
        self._feed = feed
        self._waiting = b""  # for the start, else bytes in which the end may begin
        self._started = False

    def __call__(self, block: bytes) -> None:
        """Take the next bytes."""
        text = self._waiting + block
        if not self._started:
            start = self._START.search(text)
            if start is None and len(text) < lifting.HELD_BACK:
                self._waiting = text
                return
            self._started, text = True, text[start.start() :] if start else text
        end = self._END.search(text)
        if end is not None:
            self._feed(text[: end.end()])
            self._feed, text = _ignore, b""
        self._feed(text[:-_LONGEST_END])
        self._waiting = text[-_LONGEST_END:]


def _ignore(block: bytes) -> None:
    del block


class _Reading:
    """One pass over a file. `watch` sees every block of bytes first."""

    def __init__(self, opened: Opened, watch: xml.Watch) -> None:
        self._opened, self._watch = opened, watch
        self._item = opened.prefix + opened.kind.item
        self._block = opened.prefix + opened.kind.block
        self._group_tag = opened.prefix + "GrpHdr"
        self._detail_tag, self._details_tag = opened.prefix + "TxDtls", opened.prefix + "NtryDtls"
        self._parser = _parser(
            self._detail_tag,
            self._item,
            self._block,
            self._group_tag,
            "{*}Document",
            opened.above[-1],
        )
        tag = opened.kind.item
        # without attributes: so it is neither an empty element nor one with other name spaces
        self._start = re.compile(rf"<({lifting.PREFIX})?{tag}\s*>")
        end = re.compile(rf"</(?:{lifting.PREFIX})?{tag}\s*>")
        self._between = lifting.Between(end, self._learned, self._lift_from)
        self._shapes = Shapes[EntryTexts]()
        self._spaces: dict[str | None, str] = {}  # name spaces where the shapes were learned
        self._plain = True  # so are their prefixes
        self._last: EntryTexts | None = None  # what the parser read last was this entry
        self._lines = self._lines_lifted = 0  # that were read; those that the parser did not see
        self._reports = self._index = 0  # finished ones; the entry of the open one that was last
        self._head: Node | None = None  # of the open report
        self._group = incoming.nothing()
        self._entries: list[Entry] = []
        self._heavy = 0  # transactions of those that the parser read
        self._details = Details()  # of the open entry
        self._elements: list[xml.Element] = []  # those of its transactions that are none yet
        self._unread = 0  # bytes of the open entry
        self._doubted: list[Doubted] = []
        self._documents = 0
        self._complete = False

    def parts(self) -> Iterator[ReportPart]:
        for piece in self._between.pieces(self._blocks(), lift=self._opened.encoding in _UTF8):
            if piece:
                self._last = None
                self._lines += piece.count(b"\n")
                self._measure(len(piece))
                for element in self._fed(partial(self._parser.feed, piece)):
                    yield from self._element(element)
            while self._head is not None and self._enough():
                yield self._some(self._head)
        for element in self._fed(self._parser.close):
            yield from self._element(element)
        if not self._complete:
            self._refuse("it ends before its last element was closed")

    # -- the text between parser and shapes

    def _blocks(self) -> Iterator[bytes]:
        for block in xml.blocks(self._opened.path):
            self._watch(block)
            yield block

    def _lift_from(self, text: str, position: int) -> int:
        """Read known entries that stand one behind the other; where the first unknown one is."""
        index, append, end = self._index, self._entries.append, position
        for texts, begin, end in self._shapes.read(text, position):  # noqa: B007 - the last counts
            index += 1
            try:
                append(entry(index, texts))
            except Doubt as doubt:
                line = self._lines + text.count("\n", position, text.index("<", begin)) + 1
                self._doubted.append(Doubted(index, str(doubt), doubt.path, line))
        self._index = index
        lines = text.count("\n", position, end)
        self._lines += lines
        self._lines_lifted += lines
        return end

    def _learned(self, piece: str) -> bool:
        """Did the parser read an entry that ends with `piece`? Its shape is learned.

        An entry that could be read has something in it, and so an end tag. In `piece` there is one
        only, at its end: so the entry has ended here, whatever else `piece` may hold. Where
        something may hide tags, or change what they mean, nothing is concluded all the same.
        """
        if self._last is None or not (self._plain and lifting.is_open(piece)):
            return False
        start = self._start.search(piece)
        if start is not None:
            self._learn(piece[start.start() :], start[1] or "", self._last)
        return start is not None

    def _learn(self, fragment: str, prefix: str, texts: EntryTexts) -> None:
        """Remember how an entry is written, if it gives the `texts` that the parser found."""
        if not self._shapes.want(fragment):
            return
        self._shapes.tried(fragment)
        spelled = lifting.spell_solid(fragment)
        if spelled is None or {tag[1] or "" for tag in _PREFIX.finditer(fragment)} != {prefix}:
            return  # some elements may be of another name space
        found = re.fullmatch("".join(spelled.pieces), fragment)
        skeleton = found and marked(found)
        if found and skeleton:
            make = cast("Callable[[Texts], EntryTexts]", maker(self._read_marks(skeleton, prefix)))
            if make(resolved(found.groups())) == texts:
                self._shapes.add(Shape(spelled, make))

    def _read_marks(self, skeleton: str, prefix: str) -> EntryTexts:
        name = f"xmlns:{prefix[:-1]}" if prefix else "xmlns"
        around = etree.fromstring(f'<marks {name}="{self._opened.space}">{skeleton}</marks>')
        return choose(Node(around[0], self._opened.prefix))

    # -- what the parser has read

    def _measure(self, size: int) -> None:
        self._unread += size
        if self._unread > _LARGEST_ENTRY:
            place = self._reports + 1, self._index + 1
            incoming.refuse_item(self._opened, *place, _LARGEST_ENTRY)

    def _fed(self, feed: Callable[[], object]) -> Iterator[xml.Element]:
        """The elements that have ended. What is not well-formed is refused.

        An entity that nobody declared raises nothing: so the log counts, not the exception alone.
        """
        try:
            feed()
        except etree.XMLSyntaxError as error:
            self._refuse(f"not well-formed: {error.msg}")
        if any(said.level >= etree.ErrorLevels.ERROR for said in self._parser.feed_error_log):
            self._refuse("not well-formed")
        for _, element in self._parser.read_events():
            yield cast("xml.Element", element)

    def _refuse(self, words: str) -> NoReturn:
        """The parser alone reads the file again: then what it says has the right line."""
        incoming.refuse_exactly(self._opened)
        raise incoming.corrupt(self._opened.path, "xml", words)

    def _element(self, element: xml.Element) -> Iterator[ReportPart]:
        above = tuple(ancestor.tag for ancestor in element.iterancestors())
        self._last = None
        if element.tag == self._detail_tag:
            if above == (self._details_tag, self._item, self._block, *self._opened.above):
                self._detail(element)
        elif element.tag == self._item and above == (self._block, *self._opened.above):
            self._entry(element)
        elif element.tag == self._block and above == self._opened.above:
            yield self._rest(element)
        elif element.tag == self._group_tag and above == self._opened.above:
            self._group = self._node(element)
        elif incoming.is_message(element):
            self._documents += 1
            if self._documents > 1:
                raise incoming.corrupt(
                    self._opened.path, "message", "more than one message is in it"
                )
            yield self._message(element)
        self._complete = element.getparent() is None

    def _detail(self, element: xml.Element) -> None:
        """Of many transactions only the texts are kept. The last may not be over, with its tail."""
        self._elements.append(element)
        if len(self._elements) > _MOST_ELEMENTS:
            for each in self._elements[:-1]:
                self._details.add(self._node(each))
                cast("xml.Element", each.getparent()).remove(each)
            del self._elements[:-1]

    def _entry(self, element: xml.Element) -> None:
        self._begin(cast("xml.Element", element.getparent()))
        self._index += 1
        node = self._node(element)
        try:
            texts = choose(node, self._details)
            self._heavy += len(texts.details)
            self._entries.append(entry(self._index, texts))
            self._last = texts
        except Doubt as doubt:
            self._doubted.append(Doubted(self._index, str(doubt), doubt.path, node.line))
        self._details, self._elements, self._unread = Details(), [], 0
        xml.release(element)

    def _begin(self, report: xml.Element) -> None:
        if report.nsmap != self._spaces:  # the same tags may mean something else from here on
            self._spaces = report.nsmap
            self._plain = lifting.are_plain(self._spaces)
            self._shapes.forget()
        if self._head is None:
            self._head = self._node(report, skip=self._item)

    def _node(self, element: xml.Element, skip: str = "") -> Node:
        return Node(element, self._opened.prefix, skip, self._lines_lifted)

    # -- what is handed out

    def _enough(self) -> bool:
        return len(self._entries) + len(self._doubted) >= PART or self._heavy > _MOST_DETAILS

    def _some(self, head: Node) -> ReportPart:
        """The first entries that wait, and every doubt so far."""
        self._heavy = 0
        entries, self._entries = self._entries[:PART], self._entries[PART:]
        doubted, self._doubted = self._doubted, []
        return ReportPart(self._reports + 1, entries, doubted, head, self._group, last=False)

    def _rest(self, report: xml.Element) -> ReportPart:
        self._reports += 1
        head = self._node(report, skip=self._item)
        if self._head is not None:
            head.keep_lines(self._head)
        part = ReportPart(self._reports, self._entries, self._doubted, head, self._group, last=True)
        self._entries, self._doubted, self._index, self._head = [], [], 0, None
        self._heavy = self._unread = 0
        xml.release(report)
        return part

    def _message(self, document: xml.Element) -> ReportPart:
        body = incoming.body_of(document, self._opened)
        head = self._node(body, skip=self._block)
        return ReportPart(0, [], [], head, head.one("GrpHdr") or head, last=True)


def _parser(*tags: str) -> etree.XMLPullParser:
    return etree.XMLPullParser(
        events=("end",),
        tag=tags,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
