"""The schema's verdict, and where it was broken.

lxml judges the stream as it passes. What it says of a stream has no place, so a refused file is
read a second time, tag by tag: what the schema newly complains of after a tag belongs to that tag.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Self

from lxml import etree

from h2h import resources
from h2h.adapters.messages.iso20022 import xml
from h2h.errors import ConfigError

BOUND = 100  # schema errors told of one file
_UNREAD = 5000  # tags
# Bytes judged in one go: the judge waits up to 5 ms for Python's lock after each. Within them a
# broken file is complained of without end, and each complaint takes 500 bytes.
_STRETCH = 1 << 20

Step = tuple[str, int]  # a tag and which one of that name it is in its parent, from 1


@dataclass(frozen=True, slots=True)
class Slip:
    """One place where a document breaks its schema. `trail` leads there from the root."""

    trail: tuple[Step, ...]
    line: int | None
    column: int | None
    complaint: str  # libxml2's


def carried(message: str) -> etree.XMLSchema | None:
    """The schema of `message`; None when this version is not carried."""
    path = resources.schema(message)
    return None if path is None else load(path)


def load(path: Path) -> etree.XMLSchema:
    """Compile a schema file, once while it stays as it is. Raises ConfigError when it is none."""
    try:
        facts = path.stat()
        return _compiled(path, facts.st_ino, facts.st_size, facts.st_mtime_ns)
    except (OSError, etree.XMLSyntaxError, etree.XMLSchemaParseError) as error:
        raise ConfigError(
            f"{path} is no usable schema: {error}", "Correct or replace it."
        ) from error


@lru_cache(maxsize=16)  # one takes 3 ms and 0.8 MB, which is much for a file of one payment
def _compiled(path: Path, *_: int) -> etree.XMLSchema:
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    return etree.XMLSchema(etree.parse(path, parser))


def space(path: Path) -> str:
    """The name space that a schema file describes; "" when it names none."""
    root = etree.parse(path, etree.XMLParser(resolve_entities=False, no_network=True)).getroot()
    return str(root.get("targetNamespace", ""))


class Judge:
    """A schema before which a document passes in blocks of bytes.

    Only the schema's own verdict is meant here: whether the document is well-formed and whole, the
    parser beside it says (`xml.elements`). `struck` are the stretches of bytes that broke it.
    """

    def __init__(self, schema: etree.XMLSchema) -> None:
        self._parser = etree.XMLParser(
            target=_Nothing(),  # type: ignore[arg-type]  # the others are optional for lxml
            schema=schema,
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            strip_cdata=False,  # blanks between elements may not be written as CDATA
        )
        self._broken: list[str] = []
        self._fed = 0
        self.struck: list[range] = []

    def feed(self, block: bytes) -> None:
        """Judge the next bytes; after enough errors it looks no further."""
        told = len(self.complaints())
        if told < BOUND and not self._broken:
            try:
                self._parser.feed(block)
            except etree.XMLSyntaxError as error:
                # the parser beside it says the same, and better; were it silent, this must be heard
                self._broken.append(str(error.msg))
            if len(self.complaints()) > told:
                # it may have been a tag at the end of the block before
                self.struck.append(range(self._fed - xml.BLOCK, self._fed + len(block) + 1))
        self._fed += len(block)

    def complaints(self) -> Sequence[str]:
        """What the schema has said so far, up to BOUND."""
        log = self._parser.feed_error_log
        said = (entry.message for entry in log if entry.domain == etree.ErrorDomains.SCHEMASV)
        return [*islice(said, BOUND), *self._broken]


class Beside:
    """Feeds judges in a thread of its own: libxml2 needs no lock of Python's while it works.

    Used as a context, whose end waits until every byte has been judged. A file of one block is
    judged without a thread; with `ahead` False, every block before `feed` returns.
    """

    def __init__(self, judges: Sequence[Judge], *, ahead: bool = True) -> None:
        self._judges = judges
        self._ahead = ahead
        self._stretch: list[bytes] = []
        self._size = 0
        self._waiting: Queue[bytes | None] = Queue(maxsize=2)
        self._thread: Thread | None = None
        self._errors: list[BaseException] = []

    def feed(self, block: bytes) -> None:
        """Judge the next bytes, now or soon."""
        if not self._ahead:
            self._judge(block)
            return
        self._stretch.append(block)
        self._size += len(block)
        idle = self._size > xml.BLOCK and self._waiting.empty()
        if idle or self._size >= _STRETCH:
            if self._thread is None:
                self._thread = Thread(target=self._run, daemon=True)
                self._thread.start()
            self._waiting.put(self._taken())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is None:
            self._judge(self._taken())
            return
        self._waiting.put(self._taken())
        self._waiting.put(None)
        self._thread.join()
        for error in self._errors:
            raise error

    def _taken(self) -> bytes:
        stretch, self._stretch, self._size = b"".join(self._stretch), [], 0
        return stretch

    def _judge(self, stretch: bytes) -> None:
        for judge in self._judges:
            judge.feed(stretch)

    def _run(self) -> None:
        while (stretch := self._waiting.get()) is not None:
            try:
                if not self._errors:
                    self._judge(stretch)
            except BaseException as error:  # noqa: BLE001 - raised where the result is waited for
                self._errors.append(error)


class _Nothing:
    """A parser target that wants no event at all: no tree is built, no Python is called."""

    def close(self) -> None:
        """The one method that lxml demands."""


def slips(path: Path, schema: etree.XMLSchema, judge: Judge) -> list[Slip]:
    """Where a well-formed file breaks `schema` as `judge` has found, up to BOUND places.

    Never empty then: a complaint whose place is not found again is told without one.
    """
    placed = list(_placed(path, Judge(schema), judge.struck))
    return placed or [Slip((), None, None, complaint) for complaint in judge.complaints()]


def _placed(path: Path, judge: Judge, struck: Sequence[range]) -> Iterator[Slip]:
    """Only the stretches of bytes that were struck are fed to the judge tag by tag."""
    trail, told, offset = Trail(), 0, 0
    ahead = deque(struck)
    unread: list[bytes] = []
    for tag in xml.tags(path):
        unread.append(tag.before)
        offset += len(tag.before)
        while ahead and offset >= ahead[0].stop:
            ahead.popleft()
        if told >= BOUND or not ahead:
            return
        close_look = offset >= ahead[0].start
        if close_look or len(unread) > _UNREAD:
            judge.feed(b"".join(unread))
            unread.clear()
        if close_look and len(complaints := judge.complaints()) > told:
            yield Slip(trail.steps, *trail.position, complaints[told])
            told = len(complaints)
        trail.follow(tag)


class Trail:
    """The way from the root to the tag that was read last."""

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._positions = [(1, 1)]
        self._siblings: list[dict[str, int]] = [{}]
        self._ended = False

    @property
    def steps(self) -> tuple[Step, ...]:
        """Tags without name spaces; the root comes first."""
        return tuple(self._steps)

    @property
    def position(self) -> tuple[int, int]:
        """Line and column of the start tag of the last step."""
        return self._positions[-1]

    def follow(self, tag: xml.Tag) -> None:
        """Go where `tag` leads. An element is left when the tag after its end comes."""
        if self._ended:
            self._steps.pop()
            self._positions.pop()
            self._siblings.pop()
        self._ended = not tag.start
        if tag.start:
            name, siblings = tag.name.rpartition("}")[2], self._siblings[-1]
            siblings[name] = siblings.get(name, 0) + 1
            self._steps.append((name, siblings[name]))
            self._positions.append((tag.line, tag.column))
            self._siblings.append({})
