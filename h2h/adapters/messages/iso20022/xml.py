"""XML opened with suspicion: what is refused before anybody looks at the content.

Two parsers look at every file. expat reads the opening: a DOCTYPE ends it there (an entity declared
in one would vanish from, or grow in, the text of an amount). libxml2 then streams the rest. Neither
reads a second file or the network.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple, NoReturn, cast
from xml.parsers import expat

from lxml import etree

from h2h.core.problem import Problem, Severity
from h2h.core.words import say
from h2h.errors import Corrupt, Transient

Element = etree._Element  # noqa: SLF001 - lxml's only name for what its parsers yield
Watch = Callable[[bytes], None]
At = tuple[int | None, int | None]  # line and column, from 1

BLOCK = 1 << 18  # bytes read at once
_HEAD = 1 << 16  # the root, and in an envelope the message, are looked for in these first bytes
_LONGEST = 1 << 15  # bytes without a new tag: no value, tag or gap of a payment file is so long
# these say nothing about the file
_OF_THE_MACHINE = frozenset({errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE})
_AGAIN = say("Write the file again at its source.")
_STANDARD = "urn:iso:std:iso:20022:tech:xsd:"
_MESSAGE = re.compile(r"[a-z]{4}\.\d{3}\.\d{3}\.\d{2}(?:\.[a-z]{2,3}(?:\.\d{1,2})?)?(?!\d)")
_UTF8 = frozenset({"UTF-8", "UTF8", "US-ASCII", "ASCII"})
# expat's and libxml2's numbers for bytes that are not what the encoding allows
_EXPAT_ENCODING = frozenset({18, 19})
_LIBXML_ENCODING = frozenset({etree.ErrorTypes.ERR_INVALID_ENCODING})
_LIBXML_AFTER_THE_END = frozenset(
    {etree.ErrorTypes.ERR_DOCUMENT_END, etree.ErrorTypes.ERR_RESERVED_XML_NAME}
)


class Unreadable(Corrupt):
    """A file that is no message we can read; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message, problem.remedy)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Opening:
    """How a file begins. `message` is "pain.001.001.09", or "" when no name space names one."""

    encoding: str  # as declared, upper case; UTF-8 when nothing is declared
    byte_order_mark: bool  # a UTF-8 one: lawful, but some banks' parsers stumble over it
    root: str
    namespace: str
    message: str
    enclosed: bool  # the message lies inside another root, an envelope

    @property
    def standard(self) -> bool:
        """Is it the standard's own name space, and not a national variant's?"""
        return self.namespace == _STANDARD + self.message

    @property
    def utf8(self) -> bool:
        """ISO 20022 knows no other encoding."""
        return self.encoding in _UTF8

    def tag(self, name: str) -> str:
        """`name` in the root's name space, as lxml writes it."""
        return f"{{{self.namespace}}}{name}"


def refuse(
    rule: str, message: str, remedy: str, line: int | None = None, column: int | None = None
) -> NoReturn:
    """Raise Unreadable with one problem of severity `error`."""
    raise Unreadable(
        Problem(rule, Severity.ERROR, message, remedy, line=line, column=column, code="FF01")
    )


def opening(path: Path, largest: int | None = None) -> Opening:
    """Look at the first elements only. Raises Unreadable (rules `file`, `empty`, `size`, `doctype`,
    `encoding`, `xml`); `largest` is in bytes."""
    with _open(path, largest) as file:
        return _Head(file).read()


def elements(
    path: Path, head: Opening, names: tuple[str, ...], watch: Watch | None = None
) -> Iterator[Element]:
    """Stream the elements called `names` in the root's name space, each when it ends.

    `watch` is given every block of bytes before it is parsed. For the rest see Stream.
    """
    stream = Stream(head, names)
    for block in blocks(path):
        if watch is not None:
            watch(block)
        yield from stream.feed(block)
    stream.close()


class Stream:
    """A document that is fed in pieces and gives its elements called `names`, each when it ends.

    Comments and processing instructions are left out, so that text is whole. An element's tail may
    not have been read yet: it must not be removed before the next element has come; `release` keeps
    to that. Both methods raise Unreadable (rules `xml`, `encoding`, `doctype`) for a document that
    is not well-formed or not complete.
    """

    def __init__(self, head: Opening, names: tuple[str, ...]) -> None:
        self._parser = etree.XMLPullParser(
            events=("end",),
            tag=[head.tag(head.root), *map(head.tag, names)],
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            remove_comments=True,
            remove_pis=True,
        )
        self._ended = False

    def feed(self, piece: bytes) -> Iterator[Element]:
        """The elements that have ended within this piece."""
        _feed(self._parser, piece)
        for _, element in cast("Iterator[tuple[str, Element]]", self._parser.read_events()):
            if element.getparent() is None:
                self._ended = True
                _no_doctype(element)
            else:
                yield element

    def close(self) -> None:
        """The document must have come to its end."""
        _close(self._parser, ended=self._ended)


def forget(element: Element) -> None:
    """Free an element that has been read, and all that stands before it in the document."""
    element.clear(keep_tail=True)  # type: ignore[call-arg]  # its stubs are older than lxml 4.4
    while (parent := element.getparent()) is not None:
        while (previous := element.getprevious()) is not None:
            parent.remove(previous)
        element = parent


def release(element: Element) -> None:
    """Free an element that has been read, and those of its name before it."""
    element.clear(keep_tail=True)  # type: ignore[call-arg]  # its stubs are older than lxml 4.4
    parent, previous = element.getparent(), element.getprevious()
    while parent is not None and previous is not None and previous.tag == element.tag:
        parent.remove(previous)
        previous = element.getprevious()


class Tag(NamedTuple):
    """A start or end tag. `before` holds the bytes since the tag before it, that one included.

    After the last one comes a Tag without a name, for the bytes that are left.
    """

    start: bool
    name: str  # "name space}local", or the local name
    line: int
    column: int  # from 1, in characters
    before: bytes


def tags(path: Path) -> Iterator[Tag]:
    """Every tag of a well-formed file with its true line, however long the file is.

    libxml2 keeps a line in 16 bits, and none at all for what a schema says of a stream. Where expat
    should see a document differently, the tags end early.
    """
    found: list[tuple[bool, str, int, int, int]] = []
    parser = expat.ParserCreate(namespace_separator="}")

    def note(name: str, *, start: bool) -> None:
        line, column = parser.CurrentLineNumber, parser.CurrentColumnNumber + 1
        found.append((start, name, line, column, parser.CurrentByteIndex))

    def start(name: str, _attributes: dict[str, str]) -> None:
        note(name, start=True)

    def end(name: str) -> None:
        note(name, start=False)

    parser.StartElementHandler, parser.EndElementHandler = start, end
    held, offset = b"", 0
    for block in blocks(path):
        held += block
        try:
            parser.Parse(block)
        except (expat.ExpatError, ValueError, LookupError):
            return
        position = offset
        for is_start, name, line, column, at in found:
            yield Tag(is_start, name, line, column, held[position - offset : at - offset])
            position = at
        held, offset = held[position - offset :], position
        found.clear()
    yield Tag(start=False, name="", line=parser.CurrentLineNumber, column=1, before=held)


def blocks(path: Path) -> Iterator[bytes]:
    """The bytes of a file. Raises Unreadable (rule `file`)."""
    with _open(path, None) as file:
        while block := file.read(BLOCK):
            yield block


def refuse_endless(block: bytes) -> None:
    """Raise Unreadable (rule `xml`) for a block in which a tag, text or gap goes on and on.

    A parser holds such a thing as a whole, and some look at it again with every block.
    """
    for at in range(0, len(block) - _LONGEST + 1, _LONGEST):
        if block.find(b"<", at, at + _LONGEST) < 0:
            words = say("holds a text or tag of more than {bytes} bytes", bytes=_LONGEST)
            refuse("xml", words, _AGAIN)


def _open(path: Path, largest: int | None) -> BinaryIO:
    try:
        # non-blocking: a pipe in place of a file must not stop the daemon
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _OF_THE_MACHINE:
            cause = f"{path.name} cannot be opened: {error.strerror}"
            raise Transient(cause, "Look at the disk (dmesg); it is tried again") from error
        words = say("cannot be opened: {cause}", cause=error.strerror)
        refuse("file", words, say("See that h2h may read this file."))
    file = os.fdopen(descriptor, "rb") if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    if file is None:
        os.close(descriptor)
        words = say("is not a regular file (a folder, a pipe or a device)")
        refuse("file", words, say("Give a file."))
    size = os.fstat(descriptor).st_size
    if largest is not None and size > largest:
        file.close()
        words = say(
            "has {size} bytes; at most {largest} are allowed (largest_file)",
            size=size,
            largest=largest,
        )
        remedy = say("Split the file, or raise largest_file in the configuration.")
        refuse("size", words, remedy)
    return file


class _Done(Exception):
    """Ends expat's reading once the message is known."""


class _Head:
    """expat's handlers over the first elements."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._encoding = ""
        self._root: tuple[str, str] | None = None
        self._message = ""
        self._enclosed = False
        self._parser = expat.ParserCreate(namespace_separator="}")
        self._parser.XmlDeclHandler = self._declaration
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start

    def read(self) -> Opening:
        first = self._file.read(_HEAD)
        if not first:
            refuse("empty", say("the file is empty (0 bytes)"), _AGAIN)
        self._feed(first)
        if self._root is None and len(first) == _HEAD:
            words = say("has no element in its first {bytes} bytes", bytes=_HEAD)
            refuse("xml", words, say("Leave out what stands before the message."))
        if self._root is None:
            self._feed(b"")
        namespace, root = self._root or ("", "")
        encoding = "UTF-16" if _wide(first) else self._encoding.upper() or "UTF-8"
        mark = first.startswith(b"\xef\xbb\xbf")
        return Opening(encoding, mark, root, namespace, self._message, self._enclosed)

    def _feed(self, block: bytes) -> None:
        try:
            self._parser.Parse(block, not block)
        except _Done:
            pass
        except expat.ExpatError as error:
            if self._root is None:
                _not_xml(error)
            # beyond the root the streaming parser judges, and says it better
        except (LookupError, ValueError):
            words = say(
                "declares the encoding {encoding}, which cannot be read", encoding=self._encoding
            )
            _encoding(words, (None, None))

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        self._encoding = encoding or ""

    def _doctype(self, *_: object) -> None:
        words = say("the file begins with a DOCTYPE, which can change the text of amounts unseen")
        remedy = say("Write it without <!DOCTYPE>; payment messages need none.")
        refuse("doctype", words, remedy, self._parser.CurrentLineNumber)

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition("}")
        message = _MESSAGE.search(namespace)
        if self._root is None:
            self._root = (namespace, local)
        elif message:
            self._enclosed = True
        if message and not message[0].startswith("head."):
            self._message = message[0]
            raise _Done


def _wide(first: bytes) -> bool:
    return first[:2] in {b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<"}


def _not_xml(error: expat.ExpatError) -> NoReturn:
    if error.code in _EXPAT_ENCODING:
        _encoding(say("is not in the encoding that it declares"), (error.lineno, error.offset + 1))
    words = say("is not XML: {cause}", cause=expat.ErrorString(error.code))
    refuse("xml", words, say("Send the payment file itself: an XML document."), error.lineno)


def _encoding(words: str, at: At) -> NoReturn:
    refuse("encoding", words, say("Write the file in UTF-8 and declare UTF-8."), *at)


def _feed(parser: etree.XMLPullParser, block: bytes) -> None:
    fault = _fault(parser, partial(parser.feed, block))
    if fault is not None:
        _not_well_formed(*fault)


def _close(parser: etree.XMLPullParser, *, ended: bool) -> None:
    fault = _fault(parser, parser.close)
    if not ended:
        _cut_off(*(fault or (0, "", (None, None))))
    if fault is not None:
        _not_well_formed(*fault)


def _fault(parser: etree.XMLPullParser, step: Callable[[], object]) -> tuple[int, str, At] | None:
    """libxml2's number, words and place for what is wrong after `step`; None when nothing is.

    An entity that nobody declared raises nothing: lxml takes what follows for a new document. So
    the log counts, not the exception alone.
    """
    raised = None
    try:
        step()
    except etree.XMLSyntaxError as error:
        raised = (0, str(error.msg), (error.position[0] or None, error.position[1] or None))
    for entry in parser.feed_error_log:
        if entry.level >= etree.ErrorLevels.ERROR:
            return entry.type, entry.message, (entry.line or None, entry.column or None)
    return raised


def _not_well_formed(code: int, words: str, at: At) -> NoReturn:
    if code in _LIBXML_ENCODING:
        detail = words.strip()
        _encoding(say("holds bytes that its encoding does not know ({detail})", detail=detail), at)
    if code in _LIBXML_AFTER_THE_END:
        words = say("the file goes on after the end of its document (two messages in one file?)")
        refuse("xml", words, say("Send each message in a file of its own."), *at)
    _unescaped(words, at)
    if "invalid Char" in words:
        told = say("holds a control character, which XML does not allow ({detail})", detail=words)
        refuse("xml", told, say("Let the program that writes the file leave it out."), *at)
    words = say("is not well-formed XML: {cause}", cause=words.strip())
    refuse("xml", words, _AGAIN, *at)


def _unescaped(words: str, at: At) -> None:
    """The commonest slip of programs that write XML by hand: a name with & or < in it."""
    if "EntityRef" in words:
        told = say("an “&” stands by itself: in XML it is written “&amp;”")
    elif "invalid element name" in words:
        told = say("a “<” stands by itself: in XML it is written “&lt;”")
    else:
        return
    remedy = say("Let the program that writes the file escape & and < in names and texts.")
    refuse("xml", told, remedy, *at)


def _cut_off(_code: int, words: str, at: At) -> NoReturn:
    if "EntityRef" in words:  # not for “<”, behind which a file may have been cut off
        _unescaped(words, at)
    # libxml2 looks for the end of an unfinished reference or tag in all that follows, in vain
    told = say("the file ends before its document is complete: it is cut off or broken here")
    if words:
        told = say("{words} ({detail})", words=told, detail=words.strip())
    refuse("xml", told, say("Write the whole file again at its source."), *at)


def _no_doctype(root: Element) -> None:
    if root.getroottree().docinfo.internalDTD is not None:
        refuse("doctype", say("the file has a DOCTYPE"), say("Write it without <!DOCTYPE>."))
