"""Names: other people's are only data, ours are made from a template.

A name that came from outside is never a path, a format string or a line of a log. It is kept as
the file system has it (undecodable bytes as surrogates) and shown `escaped`; a name that we write
ourselves is `sanitised` or `shortened`.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from datetime import date

from h2h.errors import ConfigError

LONGEST = 255  # bytes of one path part, on every file system that matters
_TEMPORARY = (
    ".tmp",
    ".part",
    ".partial",
    ".filepart",
    ".inprocess",
    ".temp",
    ".uploading",
    ".writing",
)
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)

Value = str | int | date


def escaped(name: str) -> str:
    """`name` as one printable line that can be told apart from every other escaped name.

    Control and format characters (the right-to-left override is one), line separators and bytes
    that are not UTF-8 become `\\x1b`, `\\u202e`; a backslash is doubled.
    """
    if name.isprintable() and "\\" not in name:  # as nearly every name is
        return name
    return "".join(_escaped_character(character) for character in name)


def _escaped_character(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that os.fsdecode could not decode (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def sanitised(value: str) -> str:
    """`value` with only the characters every bank's server takes: letters, digits, `.`, `_`, `-`.

    Anything else becomes one `_`; a leading dot (a hidden file) or dash (an option) as well.
    """
    clean = _UNSAFE.sub("_", value)
    return "_" + clean[1:] if not clean or clean[0] in ".-" else clean


def shortened(name: str, longest: int = 120) -> str:
    """`name` as a part of a file name of ours: readable, at most `longest` bytes of UTF-8.

    Letters of every script stay. It is no identity: put the file id beside it.
    """
    safe = "".join(c if c.isprintable() and c not in '/\\:*?"<>|' else "_" for c in name)
    cut = safe.encode()[:longest].decode(errors="ignore").rstrip(". ")
    return "_" + cut[1:] if not cut or cut[0] in ".-~ " else cut


def is_temporary(name: str) -> bool:
    """Is it a name under which somebody is still writing: a dotfile or a known suffix?"""
    return name.startswith(".") or name.lower().endswith(_TEMPORARY)


def is_plain(name: str) -> bool:
    """Is it one path part that can be used as it is: no slash, nothing invisible, not too long?"""
    return (
        name not in {"", ".", ".."}
        and "/" not in name
        and "\\" not in name
        and name.isprintable()
        and len(name.encode()) <= LONGEST
    )


def expanded(template: str, values: Mapping[str, Value]) -> str:
    """The file name that `template` makes of `values`; text values are sanitised.

    `{customer}_{date:%Y%m%d}_{sequence:04}.xml.pgp` uses str.format's own field and format syntax,
    without attributes, indexes and conversions. Raises ConfigError for an unknown field, a wrong
    format or a result that is no plain name.
    """
    safe = {key: sanitised(v) if isinstance(v, str) else v for key, v in values.items()}
    try:
        name = "".join(_pieces(template, safe))
    except ValueError as error:
        raise ConfigError(f"file name template {template!r}: {error}", _ways(values)) from error
    if not is_plain(name) or name.startswith(("-", "~")):
        raise ConfigError(f"file name template {template!r} gives {escaped(name)!r}", _ways(values))
    return name


def fitted(template: str, values: Mapping[str, Value], longest: int) -> str:
    """As `expanded`, with at most `longest` characters and no gaps where a text is empty.

    The longest texts lose their end first (an account its beginning, which it shares with others),
    `id` nothing: it is what tells two files apart. Raises ConfigError when there is no room even
    so, or the template does not have `{id}`.
    """
    if "{id}" not in template:
        why = "lacks {id}, by which two files are told apart"
        raise ConfigError(f"file name template {template!r} {why}", _ways(values))
    texts = {key: sanitised(v) for key, v in values.items() if isinstance(v, str) and v}
    while len(name := _close(expanded(template, {**values, **texts}))) > longest:
        used = (key for key in texts if key != "id" and f"{{{key}" in template)
        key = max(used, key=lambda key: len(texts[key]), default="")
        if len(texts.get(key, "")) <= 1:
            why = f"cannot be cut to {longest} characters: {name!r}"
            raise ConfigError(f"file name template {template!r} {why}", _ways(values))
        texts[key] = texts[key][1:] if key == "account" else texts[key][:-1]
    return name


def _close(name: str) -> str:
    """A field that is empty leaves no gap behind."""
    return re.sub("__+", "_", name)


def _pieces(template: str, values: Mapping[str, Value]) -> list[str]:
    pieces = []
    for literal, field, spec, conversion in string.Formatter().parse(template):
        pieces.append(literal)
        if field is None:
            continue
        if field not in values or conversion:
            raise ValueError(f"there is no field {{{field}}}")
        pieces.append(format(values[field], spec or ""))
    return pieces


def _ways(values: Mapping[str, Value]) -> str:
    fields = ", ".join(f"{{{key}}}" for key in sorted(values))
    return f"Use {fields} and a plain name of at most {LONGEST} bytes in config.toml"
