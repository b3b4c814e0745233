"""On which line of a TOML file a key stands: tomllib reads values and forgets their places."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field

from h2h.config.findings import Key

_TOKEN = re.compile(
    r'''(?P<skip>[ \t\r]+|\#[^\n]*)
      | (?P<newline>\n)
      | (?P<word>"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'
               | [^\s\[\]{}=,.\#"']+)
      | (?P<mark>[\[\]{}=,.])''',
    re.VERBOSE | re.DOTALL,
)


@dataclass(slots=True)
class Places:
    """The lines of every key and list element of one TOML text that tomllib has accepted."""

    lines: dict[Key, int] = field(default_factory=dict)

    def line(self, key: Key) -> int:
        """The line of `key`, else of the nearest table that would hold it; 0 when none does."""
        for length in range(len(key), 0, -1):
            if key[:length] in self.lines:
                return self.lines[key[:length]]
        return 0

    def note(self, base: Key, key: Key, line: int) -> None:
        """`key` stands on `line` below `base`; tables it opens by a dotted name stand there too."""
        for length in range(1, len(key) + 1):
            self.lines.setdefault(base + key[:length], line)


def places(text: str) -> Places:
    """The places in `text`. Raises RecursionError for lists nested beyond reason."""
    return _Scanner(text).scan()


class _Scanner:
    """Walks the tokens of a valid TOML text once, top down."""

    def __init__(self, text: str) -> None:
        self.tokens = [(word, line) for word, line in _tokens(text)]
        self.at = 0
        self.places = Places()
        self.lists: dict[Key, int] = {}  # arrays of tables: the index of the latest element

    def scan(self) -> Places:
        table: Key = ()
        while self.at < len(self.tokens):
            if self.word == "\n":
                self.at += 1
            elif self.word == "[":
                table = self.header()
            else:
                self.pair(table)
        return self.places

    @property
    def word(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else "\n"

    @property
    def line(self) -> int:
        return self.tokens[min(self.at, len(self.tokens) - 1)][1]

    def header(self) -> Key:
        """`[a.b]` or `[[a.b]]`: the table that the next pairs belong to."""
        line, start = self.line, self.at
        name = self.key("]")
        doubled = self.tokens[start + 1][0] == "["
        self.at += 2 if doubled else 1
        table: Key = ()
        for part in name[:-1]:
            table = self.latest((*table, part))
        table = (*table, name[-1])
        if doubled:
            self.lists[table] = self.lists.get(table, -1) + 1
        self.places.note((), table, line)
        table = self.latest(table)
        self.places.lines[table] = line
        return table

    def latest(self, table: Key) -> Key:
        return (*table, self.lists[table]) if table in self.lists else table

    def pair(self, table: Key) -> None:
        """`key = value` below `table`."""
        line = self.line
        key = self.key("=")
        self.at += 1
        self.places.note(table, key, line)
        self.value(table + key)

    def key(self, end: str) -> Key:
        """A dotted key, its quoted parts read by tomllib itself."""
        start = self.at
        while self.word != end:
            self.at += 1
        written = "".join(word for word, _ in self.tokens[start : self.at]).lstrip("[")
        value: object = tomllib.loads(f"{written}=0")
        key: Key = ()
        while isinstance(value, Mapping):
            [(part, value)] = value.items()
            key = (*key, part)
        return key

    def value(self, key: Key) -> None:
        match self.word:
            case "[":
                self.array(key)
            case "{":
                self.table(key)
            case _:
                while self.word not in {"\n", ",", "]", "}"}:
                    self.at += 1

    def array(self, key: Key) -> None:
        self.at += 1
        index = 0
        while self.word != "]":
            if self.word in {"\n", ","}:
                self.at += 1
                continue
            self.places.note(key, (index,), self.line)
            self.value((*key, index))
            index += 1
        self.at += 1

    def table(self, key: Key) -> None:
        self.at += 1
        while self.word != "}":
            if self.word in {"\n", ","}:
                self.at += 1
            else:
                self.pair(key)
        self.at += 1


def _tokens(text: str) -> list[tuple[str, int]]:
    tokens, line = [], 1
    for found in _TOKEN.finditer(text):
        if found.lastgroup != "skip":
            tokens.append((found[0], line))
        line += found[0].count("\n")
    return tokens
