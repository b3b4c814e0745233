"""Problems for a person: by place, with the words, the next move, and the file around the place.

Coloured and wrapped on a terminal; elsewhere plain, and a paragraph is one line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from h2h.core.naming import escaped
from h2h.core.problem import SEVERITY_WORDS, Problem, Severity, place_words
from h2h.core.words import Translate, Words, listed, say, tell
from h2h.excerpt import AROUND, Excerpts, Line

_ALSO_TOLD = 3  # places of the same fault
_LONGEST = 400  # characters of a paragraph: a broken value may be as long as the file
_HANGING = 2  # cells by which the further lines of a paragraph are indented
_PLACE = "bold red"
_STYLES = {
    Severity.ERROR: "bold red",
    Severity.HOLD: "bold yellow",
    Severity.WARN: "yellow",
    Severity.INFO: "cyan",
}
_SOME: Mapping[Severity, Words] = {  # more than one of them
    Severity.ERROR: say("errors"),
    Severity.HOLD: say("for a person to decide"),
    Severity.WARN: say("warnings"),
    Severity.INFO: say("for information"),
}


class _Kind(NamedTuple):
    """A problem, and those that differ from it in place and value alone."""

    first: Problem
    like: list[Problem]


def show_problems(
    console: Console,
    path: Path,
    problems: Sequence[Problem],
    *,
    more: int = 0,
    translate: Translate = str,
) -> None:
    """Show the problems of the file `path`; `more` is how many are not among them."""
    page = _Page(console, translate)
    page.counts(problems)
    with Excerpts(path) as excerpts:
        for place, group in groupby(_kinds(problems), lambda kind: _place(kind.first)):
            kinds = [*group]
            page.heading(place)
            for kind in kinds:
                page.problem(kind.first)
                page.like(kind.like)
            if place.line is not None:
                page.excerpt(excerpts.around(place.line, place.column, page.around), kinds)
    if more:
        page.blank()
        page.put(say("and {count} more that are not told here: mend these first", count=more))


def _kinds(problems: Iterable[Problem]) -> Iterable[_Kind]:
    kinds: dict[tuple[str, Severity, str], _Kind] = {}
    for problem in problems:
        words = problem.message.replace(problem.found, "") if problem.found else problem.message
        kind = kinds.setdefault((problem.rule, problem.severity, words), _Kind(problem, []))
        if kind.first is not problem:
            kind.like.append(problem)
    return kinds.values()


class _Place(NamedTuple):
    words: str | None
    line: int | None
    column: int | None


def _place(problem: Problem) -> _Place:
    return _Place(problem.path, problem.line, problem.column)


def _place_words(place: _Place) -> Words:
    return place_words(*place) or say("the file as a whole")


class _Page:
    """Paragraphs and excerpts on a console, in one language."""

    def __init__(self, console: Console, translate: Translate) -> None:
        self._console = console
        self._translate = translate

    @property
    def around(self) -> int:
        """How many characters either side of a place there is room for."""
        room = (self._console.width - len("  1234567 | ……")) // 2
        return min(AROUND, room) if self._console.is_terminal else AROUND

    def blank(self) -> None:
        """An empty line."""
        self._console.print()

    def put(self, words: str, style: str = "", *, indent: int = 0) -> None:
        """A paragraph; where it must be wrapped, all its lines are indented alike."""
        self._lines(Text(self._told(words), style), indent)

    def counts(self, problems: Iterable[Problem]) -> None:
        """How many there are of each severity."""
        found = Counter(problem.severity for problem in problems)
        told = [_counted(each, found[each]) for each in Severity if found[each]]
        self.put(listed(told))

    def heading(self, place: _Place) -> None:
        """Where the next problems are."""
        self.blank()
        self.put(_place_words(place), "bold")

    def problem(self, problem: Problem) -> None:
        """What is wrong, what was found and expected, and the next move."""
        severity = self._told(SEVERITY_WORDS[problem.severity])
        label = " ".join(filter(None, (severity, problem.rule, problem.code)))
        text = Text(self._told(say("{label}: {message}", label=label, message=problem.message)))
        text.stylize(_STYLES[problem.severity], 0, len(label))
        self._lines(text, 2)
        if words := _compared(problem):
            self.put(words, indent=4)
        self.put(say("-> {remedy}", remedy=problem.remedy), "green", indent=4)

    def like(self, others: Sequence[Problem]) -> None:
        """Where else it is so."""
        if not others:
            return
        self.put(say("and {count} more like this:", count=len(others)), indent=4)
        for problem in others[:_ALSO_TOLD]:
            place = _place_words(_place(problem))
            value = say("{place}: {value}", place=place, value=problem.found)
            self.put(value if problem.found else place, indent=6)
        if len(others) > _ALSO_TOLD:
            self.put("...", indent=6)

    def excerpt(self, lines: Sequence[Line], kinds: Iterable[_Kind]) -> None:
        """The file around a place, a caret under it."""
        gutter = max((len(str(line.number)) for line in lines), default=0) + 2
        for line in lines:
            number = (f"{line.number:>{gutter}} | ", "dim")
            self._print(Text.assemble(number, _marked(line, kinds)))
            if line.caret is not None:
                space = " " * cell_len(line.text[: line.caret])
                self._print(Text.assemble((f"{'':{gutter}} | ", "dim"), space, ("^", _PLACE)))

    def _told(self, words: str) -> str:
        told = escaped(tell(words, self._translate))
        half = _LONGEST // 2
        return told if len(told) <= _LONGEST else f"{told[:half]} … {told[-half:]}"

    def _lines(self, text: Text, indent: int) -> None:
        if not self._console.is_terminal:
            self._print(Text(" " * indent) + text)
            return
        lines = text.wrap(self._console, self._console.width - indent - _HANGING)
        for number, line in enumerate(lines):
            line.rstrip()
            self._print(Text(" " * (indent + (_HANGING if number else 0))) + line)

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)


def _counted(severity: Severity, count: int) -> Words:
    kind = _SOME[severity] if count > 1 else SEVERITY_WORDS[severity]
    return say("{count} {kind}", count=count, kind=kind)


def _marked(line: Line, kinds: Iterable[_Kind]) -> Text:
    """A line of an excerpt; what was found behind the place stands out."""
    if line.caret is None:
        return Text(line.text, "dim")
    text = Text(line.text)
    for kind in kinds:
        found = escaped(kind.first.found or "")
        at = line.text.find(found, line.caret)
        if found and at >= 0:
            text.stylize(_PLACE, at, at + len(found))
    return text


def _compared(problem: Problem) -> Words | None:
    """What was found and expected, as far as the message does not say it."""
    found, expected = (
        each if each and each not in problem.message else ""
        for each in (problem.found, problem.expected)
    )
    if found and expected:
        return say("found {found}, expected {expected}", found=found, expected=expected)
    if expected:
        return say("expected {expected}", expected=expected)
    return say("found {found}", found=found) if found else None
