"""Looking at a column as a whole: what is the same in many payments is judged once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TypeVar

Value = TypeVar("Value", bound=Hashable)
Fault = TypeVar("Fault")


def judged(
    column: Sequence[Value], fault: Callable[[Value], Fault | None]
) -> Iterator[tuple[int, Fault]]:
    """Where `fault` finds something, and what; it is asked once for each different value.

    Nothing is asked of what is empty.
    """
    faults = {each: found for each in set(column) if each and (found := fault(each)) is not None}
    for at, each in enumerate(column) if faults else ():
        if each in faults:
            yield at, faults[each]
