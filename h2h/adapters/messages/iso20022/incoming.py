"""Opening a bank's XML: what it says it is, and its parts one after the other.

A bank's schema slip is normal life (a third of the samples that banks publish have one), so the
schema's verdict is recorded and the parts are read all the same. What is no readable bank message
at all raises Corrupt: empty, not XML, cut short, with a DOCTYPE, of a kind we do not read, more
than one message.

libxml2 hands an element over when its end tag was parsed, but has by then often parsed on. So
nothing is taken out of the tree before a later sibling stands behind it, and the schema judges
copies that end with the part just finished.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, NoReturn

from lxml import etree

from h2h import resources
from h2h.adapters.messages.iso20022 import schema
from h2h.adapters.messages.iso20022.xml import Opening, Unreadable, opening
from h2h.core.naming import escaped
from h2h.core.problem import Problem, Severity

CHUNK = 100  # entries that are in memory as a tree at a time; more only cost memory
_MUCH = 1 << 22  # bytes of entries that are in memory as a tree, if there is more than one
LARGEST_TREE = 1 << 23  # bytes of one entry; as a tree it takes 20 times as much, judged twice that
MOST_SLIPS = 20
_NOT_THE_BANK = frozenset({"file", "size"})  # what only we can mend
_LAST_LINE = 65535
_BLANKS = " \t\r\n"  # those of XML
_NAME_SPACES = re.compile(r"\{[^{}]*\}")
ASK_BANK = "Ask the bank to send the file again; it stays as it came until then"

STANDARD = "urn:iso:std:iso:20022:tech:xsd:"  # the name spaces of ISO's own messages begin so
# Message names are found in the name space. Beside ISO's own, banks use SWIFT's and, for the Swiss
# variants, that of SIX.
_NAMESPACE = re.compile(
    r"(?:urn:iso:std:iso:20022:tech:xsd:|urn:swift:xsd:\$?"
    r"|https?://www\.six-interbank-clearing\.com/de/)"
    r"(?P<message>(?P<family>[a-z]{4}\.\d{3})\.\d{3}\.(?P<version>\d{2})[.\w]*?)(?:\.xsd)?"
)


@dataclass(frozen=True, slots=True)
class Kind:
    """The shape of a family of messages: its body, the blocks in it, and what a block repeats."""

    body: str
    block: str
    item: str
    block_words: str
    item_words: str
    oldest: int  # version; the ones before have another shape


KINDS = {
    "camt.052": Kind("BkToCstmrAcctRpt", "Rpt", "Ntry", "statement", "entry", 2),
    "camt.053": Kind("BkToCstmrStmt", "Stmt", "Ntry", "statement", "entry", 2),
    "camt.054": Kind("BkToCstmrDbtCdtNtfctn", "Ntfctn", "Ntry", "statement", "entry", 2),
    "camt.029": Kind("RsltnOfInvstgtn", "CxlDtls", "TxInfAndSts", "cancellation", "payment", 3),
    "pain.002": Kind("CstmrPmtStsRpt", "OrgnlPmtInfAndSts", "TxInfAndSts", "batch", "payment", 3),
}


@dataclass(frozen=True, slots=True)
class Opened:
    """What a bank file says it is. `prefix` is its name space in braces."""

    path: Path
    message: str
    family: str  # "camt.053"
    prefix: str
    kind: Kind
    above: tuple[str, ...]  # the tags over a block: the body, Document, and the envelope's
    encoding: str = "UTF-8"

    @property
    def space(self) -> str:
        """Its name space."""
        return self.prefix[1:-1]

    @property
    def enclosed(self) -> bool:
        """Does the message lie in an envelope?"""
        return len(self.above) > 2  # body and Document


_NONE: Mapping[str, list[Node]] = MappingProxyType({})
Severities = Mapping[str, Severity]  # of slips, by rule id; those not named are warnings
AS_USUAL: Severities = MappingProxyType({})


class Node:
    """An element as plain values; children of foreign name spaces are left out.

    `behind` is by how many lines it stands further down in the file than in what was parsed.
    """

    __slots__ = ("children", "currency", "line", "text")

    def __init__(
        self, element: etree._Element, prefix: str, skip: str = "", behind: int = 0
    ) -> None:
        children: dict[str, list[Node]] = {}
        for child in element:
            tag = child.tag
            if tag != skip and tag.startswith(prefix):
                node = Node(child, prefix, behind=behind)
                children.setdefault(tag[len(prefix) :], []).append(node)
        self.children = children or _NONE
        self.text = (element.text or "").strip(_BLANKS)
        self.currency = "" if children else element.get("Ccy", "")
        line = _line(element.sourceline)  # type: ignore[arg-type]  # the stubs leave it open
        self.line = line and line + behind

    def keep_lines(self, earlier: Node) -> None:
        """What was there earlier stands where it stood; what is new comes behind it."""
        self.line = earlier.line
        for tag, nodes in earlier.children.items():
            for node, known in zip(self.children[tag], nodes, strict=False):
                node.keep_lines(known)

    def all(self, *path: str) -> list[Node]:
        """Every node at `path`, through every branch."""
        nodes = [self]
        for tag in path:
            nodes = [child for node in nodes for child in node.children.get(tag, ())]
        return nodes

    def one(self, *path: str) -> Node | None:
        """The first node at `path`."""
        node = self
        for tag in path:
            found = node.children.get(tag)
            if not found:
                return None
            node = found[0]
        return node

    def value(self, *path: str) -> str:
        """The text at `path`, "" when there is none."""
        node = self.one(*path)
        return node.text if node else ""

    def code(self, *path: str) -> str:
        """The code at `path`: in its own child, a proprietary one, or (a slip) as plain text."""
        node = self.one(*path)
        return (node.value("Cd") or node.value("Prtry") or node.text) if node else ""


@dataclass(frozen=True, slots=True)
class Part:
    """Up to CHUNK items of a block, and what stands beside the items in it as far as it is known.

    `block` counts from 1; `first` is the place of the first item in its block, from 1. The part
    with `last` is the end of its block. `held` says by which slips a person must look at a block.
    """

    block: int
    first: int
    items: tuple[Node, ...]
    head: Node
    last: bool
    group: Node  # the message's group header
    held: tuple[str, ...] = ()


def corrupt(
    path: Path, rule: str, cause: str, remedy: str = ASK_BANK, line: int | None = None
) -> Unreadable:
    """A refusal that names the file, and the line where there is one."""
    place = f"line {line}: " if line else ""
    words = f"{escaped(path.name)}: {place}{cause}"
    return Unreadable(Problem(rule, Severity.ERROR, words, remedy, line=line))


def refuse_item(opened: Opened, block: int, item: int, largest: int) -> NoReturn:
    """Raise Corrupt for one that is too large to be kept in memory."""
    kind = opened.kind
    place = f"{kind.block_words} {block}, {kind.item_words} {item}"
    words = f"{place}: has more than {largest} bytes, which is the most that is read of one"
    remedy = (
        f"Ask the bank to split this {kind.item_words}, or to report its transactions in a file of "
        "their own. The file stays as it came; a later version of h2h may read it with h2h replay"
    )
    raise corrupt(opened.path, "size", words, remedy)


def open_message(path: Path, largest: int) -> Opened:
    """Look at the top of a file only. Raises Corrupt when no message that we read is there."""
    try:
        head = opening(path, largest)
    except Unreadable as error:
        found = error.problem
        remedy = found.remedy if found.rule in _NOT_THE_BANK else ASK_BANK
        raise corrupt(path, found.rule, found.message, remedy, found.line) from None
    return _known(path, head, _top(path))


def _top(path: Path) -> tuple[str, ...]:
    """The tags from the first element inside Document up to the root."""
    root = ""
    inside = False
    for _, element in streamed(path, ("start",)):
        if inside:
            return (element.tag, *_above(element))
        root = root or element.tag
        inside = _local(element.tag) == "Document"
    words = f"no bank message: the root is {_local(root)} and holds no message"
    raise corrupt(path, "message", words)


def _known(path: Path, head: Opening, above: tuple[str, ...]) -> Opened:
    """The message by its name space and body; they must agree."""
    namespace, body = above[0].lstrip("{").rpartition("}")[0], _local(above[0])
    match = _NAMESPACE.fullmatch(namespace)
    if match is None:
        why = "" if namespace else ": no xmlns tells which version of the message it is"
        raise corrupt(path, "message", f"unknown name space {namespace!r} of {body}{why}")
    message, kind = match["message"], KINDS.get(match["family"])
    if kind is None or int(match["version"]) < kind.oldest:
        known = ", ".join(f"{family} from version {k.oldest:02}" for family, k in KINDS.items())
        remedy = f"Ask the bank for one of: {known}"
        raise corrupt(path, "message", f"{message} is no bank message that is read here", remedy)
    if body != kind.body:
        raise corrupt(path, "message", f"{message} holds {body} where {kind.body} belongs")
    prefix = f"{{{namespace}}}"
    return Opened(path, message, match["family"], prefix, kind, above, head.encoding)


def parts(
    opened: Opened, problems: list[Problem], severities: Severities = AS_USUAL
) -> Iterator[Part]:
    """The message part by part, in the file's order; slips are added to `problems`.

    A block without items gives one part. The last part of all has block 0 and the body, without
    its blocks, as its head.
    """
    problems += version_between(opened, severities)
    return _Walk(opened, Slips(opened, problems, severities)).parts()


def slips(opened: Opened, problems: list[Problem], severities: Severities = AS_USUAL) -> None:
    """Add where the message breaks its schema, and nothing else, to `problems`."""
    found = Slips(opened, problems, severities)
    try:
        for _ in _Walk(opened, found, nodes=False).parts():
            if found.enough:
                return
    except Unreadable as error:
        if error.problem.rule != "size":
            raise
        words = (
            "it departs from the schema; from an entry on that is very large nobody looked where"
        )
        problems.append(found.slip(words, "", 0))


def refuse_exactly(opened: Opened) -> None:
    """Raise Corrupt with the right line for a message that is not well-formed or not whole.

    Behind an entry that is too large for a tree nothing is found.
    """
    try:
        for _ in _Walk(opened, None, nodes=False).parts():
            pass
    except Unreadable as error:
        if error.problem.rule != "size":
            raise


class _Walk:
    """One pass over a file. Trees are kept only until CHUNK items are turned into nodes."""

    def __init__(self, opened: Opened, slips: Slips | None, *, nodes: bool = True) -> None:
        self.opened = opened
        self.slips = slips
        self.nodes = nodes  # are they asked for?
        self.item = opened.prefix + opened.kind.item
        self.block = opened.prefix + opened.kind.block
        self.blocks = 0  # finished ones
        self.done = 0  # items of the open block that were handed out
        self.waiting = 0  # items of the open block that stand in the tree, finished
        self.unread = 0  # bytes since the last item or block ended
        self.held = 0  # bytes since items were handed out

    def parts(self) -> Iterator[Part]:
        document: etree._Element | None = None
        complete = False
        tags = (self.item, self.block, "{*}Document", self.opened.above[-1])
        for _, element in streamed(self.opened.path, ("end",), tags, self.measure):
            if element.tag == self.item and _above(element) == (self.block, *self.opened.above):
                self.waiting += 1
                self.unread = 0
                if self.waiting > CHUNK or (self.waiting > 1 and self.held > _MUCH):
                    yield self.some(element)
            elif element.tag == self.block and _above(element) == self.opened.above:
                yield self.rest(element)
            elif is_message(element):
                if document is not None:
                    raise corrupt(self.opened.path, "message", "more than one message is in it")
                document = element
                yield self.end(document)
            complete = element.getparent() is None
        if not complete:
            raise corrupt(self.opened.path, "xml", "it ends before its last element was closed")

    def measure(self, size: int) -> None:
        """So many bytes more go to the parser."""
        self.unread += size
        self.held += size
        if self.unread > LARGEST_TREE:
            item = self.done + self.waiting + 1
            refuse_item(self.opened, self.blocks + 1, item, LARGEST_TREE)

    def some(self, latest: etree._Element) -> Part:
        """Hand out the items before `latest`, which stays: the parser may be just behind it."""
        self.held = 0
        _remove(next(latest.iterancestors()).itersiblings(self.block, preceding=True))
        self.judge(latest, self.blocks + 1, self.done)
        items = list(latest.itersiblings(self.item, preceding=True))[::-1]
        block = next(latest.iterancestors())
        part = self.part(self.blocks + 1, items, block, last=False)
        _remove(items)
        self.done += len(items)
        self.waiting = 1
        return part

    def rest(self, block: etree._Element) -> Part:
        """Hand out a finished block with its last items."""
        _remove(block.itersiblings(self.block, preceding=True))
        self.blocks += 1
        self.judge(block, self.blocks, self.done)
        part = self.part(self.blocks, block.iterchildren(self.item), block, last=True)
        self.done = self.waiting = self.unread = self.held = 0
        return part

    def end(self, document: etree._Element) -> Part:
        """Hand out what stands around the blocks."""
        body = body_of(document, self.opened)
        for block in body.iterchildren(self.block):
            _remove(block.iterchildren(self.item))
        self.judge(document, self.blocks, 0)
        head = self.node(body, skip=self.block)
        return Part(0, 0, (), head, last=True, group=head.one("GrpHdr") or head)

    def judge(self, latest: etree._Element, block: int, done: int) -> None:
        if self.slips is not None:
            self.slips.judge(latest, block, done)

    def part(
        self, number: int, items: Iterable[etree._Element], block: etree._Element, *, last: bool
    ) -> Part:
        if not self.nodes:
            return Part(number, self.done + 1, (), nothing(), last, nothing())
        nodes, head = tuple(map(self.node, items)), self.node(block, skip=self.item)
        held = self.slips.held(number) if last and self.slips else ()
        return Part(number, self.done + 1, nodes, head, last, self.group(block), held)

    def group(self, block: etree._Element) -> Node:
        found = next(block.itersiblings(self.opened.prefix + "GrpHdr", preceding=True), None)
        return nothing() if found is None else Node(found, self.opened.prefix)

    def node(self, element: etree._Element, skip: str = "") -> Node:
        return Node(element, self.opened.prefix, skip)


def body_of(document: etree._Element, opened: Opened) -> etree._Element:
    """The one element that a message holds. Raises Corrupt when there are none or several."""
    bodies = list(document)
    if [body.tag for body in bodies] != [opened.above[0]]:
        raise corrupt(opened.path, "message", f"not exactly one {opened.kind.body} is in it")
    return bodies[0]


def is_message(element: etree._Element) -> bool:
    """Is it a message that does not lie in another one?"""
    inside = next(element.iterancestors("{*}Document"), None)
    return _local(element.tag) == "Document" and inside is None


def nothing() -> Node:
    """What stands where nothing is."""
    return Node(etree.Element("nothing"), "")


class Slips:
    """The schema's verdict on copies of the parts: at most MOST_SLIPS."""

    def __init__(self, opened: Opened, problems: list[Problem], severities: Severities) -> None:
        self.opened = opened
        self.problems = problems
        self.severity = severities.get("schema", Severity.WARN)
        self.seen: set[tuple[int, str]] = set()
        self.blocks: dict[int, list[str]] = {}  # what they have wrong, with its place
        self.schema = schema_of(opened)

    @property
    def enough(self) -> bool:
        """Is as much found as is told?"""
        return len(self.seen) >= MOST_SLIPS

    def held(self, block: int) -> tuple[str, ...]:
        """Why a person must look at a block."""
        return tuple(self.blocks.get(block, ())) if self.severity is Severity.HOLD else ()

    def judge(self, latest: etree._Element, block: int, done: int) -> None:
        """Judge the document up to and with `latest`; `done` items of `block` are gone already."""
        if self.schema is None or self.enough:
            return
        copy = _copy_up_to(latest)
        if self.schema.validate(copy):
            return
        for error in self.schema.error_log:  # type: ignore[attr-defined]  # the stubs miss __iter__
            words = _NAME_SPACES.sub("", error.message)
            known = (error.line, words) in self.seen
            if not known and len(self.seen) < MOST_SLIPS:
                self.seen.add((error.line, words))
                place = self.place(_find(copy, error.path), block, done)
                self.blocks.setdefault(block, []).append(f"{place}: {words}" if place else words)
                self.problems.append(self.slip(words, place, error.line))

    def slip(self, words: str, place: str, line: int) -> Problem:
        remedy = "None here; tell the bank that its {} departs from the standard"
        remedy = remedy.format(self.opened.message)
        return Problem("schema", self.severity, words, remedy, place, _line(line))

    def place(self, element: etree._Element | None, block: int, done: int) -> str:
        """`statement 2, entry 7, Sts/Cd`: counted words as far as there are some, then tags."""
        kind, tags, counted = self.opened.kind, list[str](), list[str]()
        while element is not None and (parent := element.getparent()) is not None:
            name = _local(element.tag)
            if name == kind.block and parent.getparent() is not None:
                counted.append(f"{kind.block_words} {block}")
            elif name == kind.item and _local(parent.tag) == kind.block:
                before = sum(1 for _ in element.itersiblings(element.tag, preceding=True))
                counted.append(f"{kind.item_words} {done + before + 1}")
            elif name != kind.body:
                tags.append(name)
            element = parent
        return ", ".join([*reversed(counted), *(["/".join(reversed(tags))] if tags else [])])


def read_as(message: str) -> str | None:
    """The carried version by which a message is read: its own, else the nearest, of two the later.

    A country's variant is read as the version that it is made of.
    """
    parts = message.split(".")  # pain.002.001.03.ch.02
    family = f"{parts[0]}.{parts[1]}.001"
    versions = [
        int(carried.rpartition(".")[2])
        for carried in resources.carried()
        if carried.rpartition(".")[0] == family
    ]
    nearest = min(versions, key=lambda each: (abs(each - int(parts[3])), -each), default=None)
    return None if nearest is None else f"{family}.{nearest:02}"


def schema_of(opened: Opened) -> etree.XMLSchema | None:
    """The schema of the version by which a message is read, for the message's own name space."""
    message = read_as(opened.message)
    path = None if message is None else resources.schema(message)
    if path is None:
        return None
    space = STANDARD + path.stem
    if space == opened.space:
        return schema.load(path)
    words = path.read_text("utf-8").replace(f'"{space}"', f'"{opened.space}"')
    return etree.XMLSchema(etree.fromstring(words.encode()))


def version_between(opened: Opened, severities: Severities = AS_USUAL) -> Iterator[Problem]:
    """That a version is read by another's schema and shape."""
    message = read_as(opened.message)
    if message != opened.message:
        yield Problem(
            "version-between",
            severities.get("version-between", Severity.WARN),
            f"no schema of {opened.message} is carried; it was read as {message}",
            "None here; compare its figures with the bank's own view the first time",
        )


def _copy_up_to(latest: etree._Element) -> etree._Element:
    """A copy of the document that ends with `latest`; what the parser began behind it is left."""
    chain = [latest]
    while _local(chain[-1].tag) != "Document":
        parent = chain[-1].getparent()
        if parent is None:
            break
        chain.append(parent)
    chain.reverse()
    copy = twin = deepcopy(chain[0])
    for parent, child in pairwise(chain):
        place = parent.index(child)
        del twin[place + 1 :]
        twin = twin[place]
    return copy


def _find(copy: etree._Element, path: str | None) -> etree._Element | None:
    """The element at a path of libxml2's; prefixes may be declared anywhere in the document."""
    prefixes = {name: uri for element in copy.iter() for name, uri in element.nsmap.items() if name}
    try:
        found = copy.xpath(path, namespaces=prefixes) if path else []
    except etree.XPathError:  # a prefix that is declared nowhere
        return None
    return found[0] if isinstance(found, list) and found and etree.iselement(found[0]) else None


def _line(line: int | None) -> int | None:
    """A line of the file; libxml2 counts no further than 65535."""
    return line if line and line < _LAST_LINE else None


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _above(element: etree._Element) -> tuple[str, ...]:
    return tuple(ancestor.tag for ancestor in element.iterancestors())


def _remove(elements: Iterable[etree._Element]) -> None:
    for element in list(elements):
        parent = element.getparent()
        if parent is not None:
            element.clear()  # what has thousands of children is slow to be taken out with them
            parent.remove(element)


class _Measured:
    """A file that tells how much is read of it."""

    def __init__(self, stream: BinaryIO, measure: Callable[[int], object]) -> None:
        self._stream, self._measure = stream, measure

    def read(self, size: int) -> bytes:
        block = self._stream.read(size)
        self._measure(len(block))
        return block


def streamed(
    path: Path,
    events: tuple[str, ...],
    tags: tuple[str, ...] | None = None,
    measure: Callable[[int], object] = id,
) -> Iterator[tuple[str, etree._Element]]:
    """iterparse, hardened; what is not well-formed raises Corrupt with its line.

    `measure` is told how many bytes the parser takes.
    """
    with path.open("rb") as stream:
        parser = etree.iterparse(
            _Measured(stream, measure),
            events,
            tag=tags,
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            collect_ids=False,
            remove_comments=True,
            remove_pis=True,
        )
        try:
            yield from parser
        except etree.XMLSyntaxError as error:
            # the exception itself loses the place of some errors (an entity that nobody declared)
            last = parser.error_log.last_error
            words, line = (last.message, last.line) if last else (str(error), None)
            rule = "encoding" if last and last.type_name == "ERR_INVALID_ENCODING" else "xml"
            raise corrupt(path, rule, f"not well-formed: {words.strip()}", line=line) from None
