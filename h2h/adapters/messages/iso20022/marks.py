"""Reading once what is written many times alike.

Something is read with a mark in place of each text. A reader that decides by what is there alone,
never by what it says, then puts the marks where it would put the texts of anything that is written
so. What it made says how to do the same with the texts of the others, without reading them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast

Made = tuple[object, ...]  # of texts, of None, and of further such tuples
Texts = tuple[str, ...]

_FIRST, _LAST = 0xE000, 0xF8FF  # characters for private use
_MARK = re.compile(f"([{chr(_FIRST)}-{chr(_LAST)}])")


def marked(found: re.Match[str]) -> str | None:
    """What was found with a mark in place of each group; None when it has such characters itself,
    or too many groups."""
    fragment, groups = found.string[found.start() : found.end()], found.re.groups
    if groups > _LAST - _FIRST or _MARK.search(fragment):
        return None
    pieces, end = list[str](), 0
    for group in range(1, groups + 1):
        start, stop = found.start(group) - found.start(), found.end(group) - found.start()
        pieces += (fragment[end:start], chr(_FIRST + group - 1))
        end = stop
    return "".join([*pieces, fragment[end:]])


def maker(made: Made) -> Callable[[Texts], Made]:
    """What makes of texts what a reader has `made` of the marks for them.

    It is written as one expression, which takes a tenth of the time of anything that interprets
    `made` anew for each entry. All that it has of the file are literals.
    """
    return cast("Callable[[Texts], Made]", eval(f"lambda texts: {_expression(made)}"))  # noqa: S307 - see above


def _expression(made: object) -> str:
    if isinstance(made, tuple):
        return f"({''.join(f'{_expression(each)}, ' for each in made)})"
    if not isinstance(made, str):
        return repr(made)
    pieces = [_piece(piece) for piece in _MARK.split(made) if piece]
    return f"''.join(({', '.join(pieces)}))" if pieces[1:] else "".join(pieces) or "''"


def _piece(piece: str) -> str:
    return f"texts[{ord(piece) - _FIRST}]" if _MARK.fullmatch(piece) else repr(piece)
