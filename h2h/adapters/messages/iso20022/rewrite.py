"""Account reports in an older version of their message, for an ERP that reads no newer one.

The schemas of both versions say what may stay (`structure`, `fitting`); `reshape` knows what is
only named or arranged differently. What has no place in the target goes to the additional
information of its transaction, entry, statement or group header, and every such thing is told. Ids,
numbers, times, amounts and signs stay as the bank wrote them.

Entries are rewritten one by one, so memory does not grow with the file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from lxml import etree

from h2h import resources
from h2h.adapters.durable import disk
from h2h.adapters.messages.iso20022 import incoming, schema, xml
from h2h.adapters.messages.iso20022.fitting import INFORMATION, Fitter, Level, escaped, tagged
from h2h.adapters.messages.iso20022.structure import Types, types
from h2h.core.words import say
from h2h.errors import Refused

_REPORT = re.compile(r"(?P<family>camt\.05[234])\.001\.(?P<version>\d\d)")
_SPACE = "urn:iso:std:iso:20022:tech:xsd:"
_PIECE = 1 << 16  # characters written at once
_NAME_SPACES = re.compile(r"\{[^{}]*\}")
_HEADER = "GrpHdr"


def rewrite(path: Path, message: str, target: Path, keep: Sequence[int] = ()) -> tuple[str, ...]:
    """Write the account reports at `path` to `target`, flushed, as `message` ("camt.053.001.02").

    All its statements, or those `keep` (indexes from 1). Returns in words what found no room, what
    the schema of the target says against the result (nothing, if the source was valid), what was
    taken from elsewhere since the target demands it, and what was moved. Raises Corrupt when the
    file holds no account report, Refused when `message` is of another family, not carried or newer
    than the source, ValueError for a statement that the file does not have.
    """
    opened = incoming.open_message(path, path.stat().st_size)
    if not _REPORT.match(opened.message):
        raise incoming.corrupt(path, "message", f"{opened.message} is no account report")
    _permit(opened, message)
    try:
        with disk(f"writing {target}"), target.open("wb") as out:
            writer = _Writer(out, message)
            walk = _Walk(opened, message, keep, writer)
            walk.run()
            writer.flush()
            os.fsync(out.fileno())
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return tuple(walk.fitter.report.lines(writer.complaints()))


def _permit(opened: incoming.Opened, message: str) -> None:
    source, wanted = _REPORT.match(opened.message), _REPORT.fullmatch(message)
    if wanted is None or source is None or message not in resources.carried():
        carried = (each for each in resources.carried() if each.startswith(opened.family))
        raise Refused(
            say("{message} is no account report that can be written", message=message),
            say("Choose one of: {versions}", versions=", ".join(carried)),
        )
    if wanted["family"] != source["family"] or wanted["version"] > source["version"]:
        raise Refused(
            say("{source} cannot be rewritten to {message}", source=source[0], message=message),
            say("Choose the same message in its own or an older version."),
        )


class _Writer:
    """The target, with its schema as the judge of what passes."""

    def __init__(self, out: BinaryIO, message: str) -> None:
        self._out = out
        self._waiting: list[str] = []
        self._size = 0
        self._judge = schema.Judge(cast("etree.XMLSchema", schema.carried(message)))

    def write(self, text: str) -> None:
        self._waiting.append(text)
        self._size += len(text)
        if self._size > _PIECE:
            self.flush()

    def flush(self) -> None:
        piece = "".join(self._waiting).encode()
        self._waiting, self._size = [], 0
        self._judge.feed(piece)
        self._out.write(piece)
        self._out.flush()

    def complaints(self) -> Iterable[str]:
        """What the schema says against what was written, without its name spaces."""
        return dict.fromkeys(_NAME_SPACES.sub("", words) for words in self._judge.complaints())


class _Frame(NamedTuple):
    """The types of the body, of a statement and of an entry; "" where nothing is known of them."""

    body: str
    block: str
    item: str


def _frame(of: Types, opened: incoming.Opened) -> _Frame:
    if not of:
        return _Frame("", "", "")
    body = of["Document"].parts[opened.kind.body].type
    block = of[body].parts[opened.kind.block].type
    return _Frame(body, block, of[block].parts[opened.kind.item].type)


class _Walk:
    """One pass over a file: a tree is kept of one entry and of what stands before the first."""

    def __init__(
        self, opened: incoming.Opened, message: str, keep: Sequence[int], writer: _Writer
    ) -> None:
        self.opened, self.message = opened, message
        self.keep, self.write = frozenset(keep), writer.write
        match = _REPORT.match(opened.message)
        source = match[0] if match else ""
        have = types(source) if source in resources.carried() else {}
        self.fitter = Fitter(opened.prefix, have, types(message))
        self.have, self.want = _frame(have, opened), _frame(types(message), opened)
        self.streamed = frozenset({_HEADER, opened.kind.block})
        self.level: Level | None = None  # of the open statement, if it is kept
        self.words = ""  # its own additional information
        self.begun = False

    def run(self) -> None:
        """Write the whole document."""
        body, fitter = self.opened.kind.body, self.fitter
        whole = Level(say("the message as a whole"))
        fitter.levels.append(whole)
        self.write('<?xml version="1.0" encoding="UTF-8"?>\n')
        self.write(f'<Document xmlns="{_SPACE}{self.message}">\n<{body}>\n')
        ends = sum(map(self.take, self.elements()))
        if ends != 1 or not fitter.statement:
            words = f"{self.opened.message} without any statement in it"
            raise incoming.corrupt(self.opened.path, "message", words)
        if not self.keep <= set(range(1, fitter.statement + 1)):
            raise ValueError(
                f"{sorted(self.keep)} are not all in {self.opened.path}, "
                f"which has {fitter.statement} statements"
            )
        fitter.told(whole, "", self.want.body, INFORMATION[_HEADER])
        self.write(f"</{body}>\n</Document>\n")

    def take(self, element: xml.Element) -> bool:
        """Rewrite a part that has ended; True for the body, which is the last."""
        opened, name = self.opened, self.fitter.name(element)
        above = tuple(ancestor.tag for ancestor in element.iterancestors())
        if name == opened.kind.item and above == (opened.prefix + opened.kind.block, *opened.above):
            self.item(element)
        elif name == opened.kind.block and above == opened.above:
            self.block(element)
        elif name == _HEADER and above == opened.above:
            self.parts([element], self.have.body, self.want.body)
        elif name == opened.kind.body and above == opened.above[1:]:
            rest = [part for part in element if self.fitter.name(part) not in self.streamed]
            self.parts(rest, self.have.body, self.want.body)
            return True
        return False

    def begin(self, block: xml.Element) -> None:
        """Open the next statement, if it is kept."""
        fitter, self.begun, self.words = self.fitter, True, ""
        fitter.statement, fitter.entry, fitter.transaction = fitter.statement + 1, 0, 0
        if self.keep and fitter.statement not in self.keep:
            return
        self.level = Level(fitter.place())
        fitter.levels.append(self.level)
        self.write(f"<{self.opened.kind.block}>\n")
        fitter.arranged(block, self.opened.kind.block, self.want.block)

    def item(self, element: xml.Element) -> None:
        """Rewrite an entry, and first what stands between it and the one before."""
        block = cast("xml.Element", element.getparent())
        if not self.begun:
            self.begin(block)
        if self.level:
            earlier = reversed(list(element.itersiblings(preceding=True)))
            before = [each for each in earlier if each.tag != element.tag]
            self.parts(self.told(before), self.have.block, self.want.block)
            for each in before:
                block.remove(each)
            self.fitter.entry += 1
            self.fitter.transaction = 0
            self.parts([element], self.have.block, self.want.block)
        xml.release(element)

    def block(self, element: xml.Element) -> None:
        """Rewrite what is left of a statement, and end it with its additional information."""
        if not self.begun:
            self.begin(element)
        if self.level:
            items = self.opened.prefix + self.opened.kind.item
            left = [each for each in element if each.tag != items]
            self.parts(self.told(left), self.have.block, self.want.block)
            self.end()
        self.begun = False
        xml.release(element)

    def end(self) -> None:
        tag, fitter = self.opened.kind.block, self.fitter
        information = INFORMATION[tag]
        if words := fitter.told(fitter.levels.pop(), self.words, self.want.block, information):
            self.write(tagged(information, escaped(words)) + "\n")
        self.write(f"</{tag}>\n")
        self.level = None

    def told(self, elements: Iterable[xml.Element]) -> Iterator[xml.Element]:
        """The elements without the statement's additional information, which comes last."""
        tag = INFORMATION[self.opened.kind.block]
        for element in elements:
            if self.fitter.name(element) == tag:
                self.words = element.text or ""
            else:
                yield element

    def parts(self, elements: Iterable[xml.Element], have: str, want: str) -> None:
        """Write elements of the body or of a statement, in the target's order."""
        for text in self.fitter.ordered(elements, have, want):
            self.write(text + "\n")

    def elements(self) -> Iterator[xml.Element]:
        """The entries, statements, the group header and the body, each when it ends."""
        kind = self.opened.kind
        names = (_HEADER, kind.item, kind.block, kind.body)
        tags = tuple(self.opened.prefix + name for name in names)
        for _, element in incoming.streamed(self.opened.path, ("end",), tags):
            yield element
