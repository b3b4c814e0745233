"""Where the lines of a chart run: pixels of amounts, for the macro that draws them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby

WIDTH, HEIGHT = 960, 160  # of the drawing; whoever shows it may make it narrower
_LEFT, _RIGHT, _TOP, _BOTTOM = 4, 200, 12, 20  # the right margin holds the labels
_APART = 14  # pixels between two labels
DASHES = ("none", "8 4", "2 4", "12 4 2 4", "6 2 2 2 2 2", "16 6")


@dataclass(frozen=True, slots=True)
class Line:
    """A named row of amounts, one a day; None where it is not known."""

    name: str
    amounts: tuple[Decimal | None, ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A line as it is drawn: SVG path data, its dash and colour, and where its label stands."""

    name: str
    last: Decimal
    path: str
    dash: str
    colour: int
    label_y: float


@dataclass(frozen=True, slots=True)
class Chart:
    """`zero` is the height of the zero line, None where no amount crosses it."""

    days: Sequence[date]
    lines: Sequence[Line]
    drawn: Sequence[Drawn]
    zero: float | None
    label_x: float
    least: Decimal
    most: Decimal


def chart(days: Sequence[date], lines: Sequence[Line]) -> Chart | None:
    """The lines over the days; None when there is nothing to draw."""
    known = [each for line in lines for each in line.amounts if each is not None]
    if not known or len(days) < 2:
        return None
    least, most = min(known), max(known)
    low, high = _room(least, most)

    def y(amount: Decimal) -> float:
        share = float((amount - low) / (high - low))
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)

    def x(number: int) -> float:
        return round(_LEFT + number * (WIDTH - _LEFT - _RIGHT) / (len(days) - 1), 1)

    ends = [(line, _last(line)) for line in lines]
    shown = [(line, last) for line, last in ends if last is not None]
    labels = _spread([y(last) for _, last in shown])
    drawn = [
        Drawn(line.name, last, _path(line, x, y), DASHES[n % len(DASHES)], n % len(DASHES), at)
        for n, ((line, last), at) in enumerate(zip(shown, labels, strict=True))
    ]
    zero = y(Decimal(0)) if least < 0 < most else None
    return Chart(days, lines, drawn, zero, x(len(days) - 1) + 8, least, most)


def _room(least: Decimal, most: Decimal) -> tuple[Decimal, Decimal]:
    """What is shown from bottom to top; a line that never moves runs through the middle."""
    return (least, most) if most > least else (least - 1, most + 1)


def _last(line: Line) -> Decimal | None:
    return next((each for each in reversed(line.amounts) if each is not None), None)


def _path(line: Line, x: Callable[[int], float], y: Callable[[Decimal], float]) -> str:
    """Straight from day to day, with a gap where nothing is known."""
    points = enumerate(line.amounts)
    runs = (
        [f"{x(number)} {y(amount)}" for number, amount in run if amount is not None]
        for known, run in groupby(points, lambda point: point[1] is not None)
        if known
    )
    return " ".join("M" + " L".join(run) for run in runs)


def _spread(heights: Sequence[float]) -> list[float]:
    """The same, so far apart that labels there do not cover each other."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    placed = [0.0] * len(heights)
    before = float("-inf")
    for number in order:
        before = placed[number] = max(heights[number], before + _APART)
    over = before - (HEIGHT - 4)
    return [round(max(each - max(over, 0), 10), 1) for each in placed] if order else []
