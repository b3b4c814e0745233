"""The letter with our keys that the bank signs off: one page to print, in two languages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import TYPE_CHECKING

from h2h.core.words import Translate, Words, say, tell

if TYPE_CHECKING:
    from h2h.adapters.pgp_keys import RingKey

Fact = tuple[Words, str]
_LINE = "_" * 44


@dataclass(frozen=True, slots=True)
class Letter:
    """What stands in it: our keys, the newest first, with their public texts."""

    bank: str
    day: date
    openpgp: Sequence[tuple[RingKey, str]]
    ssh: Sequence[tuple[str, str]]  # the public line and its fingerprint


def as_html(letter: Letter, languages: Sequence[Translate]) -> str:
    """One page without anything from outside; each sentence in every one of `languages`."""

    def both(words: Words) -> str:
        return " / ".join(escape(told) for told in _each(words, languages))

    def table(facts: Sequence[Fact]) -> str:
        rows = (f"<tr><th>{both(name)}</th><td>{escape(value)}</td></tr>" for name, value in facts)
        return f"<table>{''.join(rows)}</table>"

    parts = [f"<h1>{both(_TITLE)}</h1>", f"<p>{letter.bank} · {letter.day}</p>"]
    parts += [f"<p>{escape(told)}</p>" for told in _each(_REQUEST, languages)]
    parts += [f"<h2>{both(title)}</h2>{table(facts)}" for title, facts in _keys(letter)]
    parts += [
        f"<h2>{both(title)}</h2>" + table([(name, "") for name in _SIGNATURE])
        for title in (_WE_SIGN, _BANK_SIGNS)
    ]
    parts += [f"<h2>{both(_PUBLIC)}</h2>"]
    parts += [f"<pre>{escape(text)}</pre>" for text in _public(letter)]
    return _PAGE.replace("BODY", "\n".join(parts))


def as_text(letter: Letter, languages: Sequence[Translate]) -> str:
    """The same as plain text."""

    def both(words: Words) -> str:
        return " / ".join(_each(words, languages))

    lines = [both(_TITLE), f"{letter.bank}  {letter.day}", "", *_each(_REQUEST, languages)]
    for title, facts in _keys(letter):
        lines += ["", both(title), *(f"  {both(name)}: {value}" for name, value in facts)]
    for title in (_WE_SIGN, _BANK_SIGNS):
        lines += ["", both(title), *(f"  {both(name)}: {_LINE}" for name in _SIGNATURE)]
    return "\n".join([*lines, "", both(_PUBLIC), *_public(letter), ""])


def _each(words: Words, languages: Sequence[Translate]) -> list[str]:
    return [tell(words, language) for language in languages]


def _keys(letter: Letter) -> Iterator[tuple[Words, Sequence[Fact]]]:
    from h2h.adapters.pgp_keys import grouped  # noqa: PLC0415 - not for --help

    for key, _ in letter.openpgp:
        yield (
            say("OpenPGP key, by which our files are signed and yours are encrypted"),
            [
                (say("owner"), key.owner),
                (say("kind"), key.algorithm),
                (say("fingerprint"), grouped(key.fingerprint)),
                (say("made on"), f"{key.created:%Y-%m-%d}"),
                (say("good until"), str(key.expires or "-")),
            ],
        )
    for line, fingerprint in letter.ssh:
        yield (
            say("SSH key, by which we log in"),
            [(say("kind"), line.split()[0]), (say("fingerprint"), _in_fours(fingerprint))],
        )


def _in_fours(fingerprint: str) -> str:
    """`SHA256:abcd efgh …`"""
    kind, _, rest = fingerprint.partition(":")
    return f"{kind}:" + " ".join(rest[at : at + 4] for at in range(0, len(rest), 4))


def _public(letter: Letter) -> list[str]:
    return [text.strip() for _, text in letter.openpgp] + [line for line, _ in letter.ssh]


_TITLE = say("Our keys for the exchange of files")
_REQUEST = say(
    "Please compare each fingerprint, character by character, with the key that reached you on"
    " another way, enter the keys for our user, and send this letter back signed. Nothing is"
    " exchanged before that."
)
_WE_SIGN = say("For the customer: these are our keys")
_BANK_SIGNS = say("For the bank: compared and entered")
_SIGNATURE = (say("full name"), say("place and date"), say("signature"))
_PUBLIC = say("Public keys")

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>h2h</title><style>
@page { size: A4; margin: 20mm }
body { font: 10.5pt/1.5 "Noto Sans", "Noto Sans CJK SC", sans-serif }
body { max-width: 170mm; margin: auto }
h1 { font-size: 16pt } h2 { font-size: 11.5pt; margin: 1.2em 0 .3em }
table { border-collapse: collapse; width: 100%; break-inside: avoid }
th { text-align: left; font-weight: normal; color: #444; width: 34% }
th, td { border-bottom: 1px solid #bbb; padding: .35em .3em; vertical-align: top }
td:empty { height: 2.6em }
td { font-family: "DejaVu Sans Mono", monospace }
pre { font-size: 8pt; white-space: pre-wrap; overflow-wrap: anywhere; break-inside: avoid }
</style></head><body>
BODY
</body></html>
"""
