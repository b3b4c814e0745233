"""Sentences for people that can still be told in another language.

`say` makes a string in English that remembers its template and values, so that whoever tells it can
ask a catalogue for the template in the reader's language. The template is the catalogue's key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import reduce

from h2h.errors import H2HError

Translate = Callable[[str], str]


class Words(str):
    """An English sentence with what is needed to say it otherwise."""

    __slots__ = ("template", "values")
    template: str
    values: Mapping[str, object]


def say(template: str, /, **values: object) -> Words:
    """The sentence `template` with its `{values}` filled in; values may be Words themselves."""
    words = Words(template.format(**values) if values else template)
    words.template, words.values = template, values
    return words


def listed(words: Iterable[str]) -> str:
    """Several things in their order, `a, b, c`; "" when there are none."""
    return reduce(lambda some, one: say("{first}, {second}", first=some, second=one), _some(words))


def sentences(words: Iterable[str]) -> str:
    """Several sentences in one line, `a; b; c`; "" when there are none."""
    return reduce(lambda some, one: say("{first}; {second}", first=some, second=one), _some(words))


def words_of(error: H2HError) -> str:
    """What an expected failure says, its next move included."""
    if not error.next_move:
        return error.cause
    return say("{cause}. {next_move}", cause=error.cause, next_move=error.next_move)


def _some(words: Iterable[str]) -> Iterable[str]:
    return [*words] or [""]


def tell(words: str, translate: Translate) -> str:
    """`words` in the language of `translate`; a plain string, which has no other, as it is."""
    if not isinstance(words, Words):
        return words
    told = translate(words.template)
    if not words.values:
        return told
    values = {
        name: tell(value, translate) if isinstance(value, str) else value
        for name, value in words.values.items()
    }
    return told.format(**values)
