"""What a format has no room for, told in sentences: many, but not a hundred thousand."""

from __future__ import annotations

_MOST = 100


class Leftover:
    """Sentences of what was left out or changed; behind the first hundred they are counted."""

    def __init__(self) -> None:
        self._kept: list[str] = []
        self._more = 0

    def tell(self, words: str) -> None:
        """Note one thing."""
        if len(self._kept) < _MOST:
            self._kept.append(words)
        else:
            self._more += 1

    def told(self) -> tuple[str, ...]:
        """The sentences, in the order in which they came."""
        rest = (f"and {self._more} more",) if self._more else ()
        return (*self._kept, *rest)
