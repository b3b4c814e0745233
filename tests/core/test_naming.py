"""Names of other people are data; names of ours come from a template."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from h2h.core.naming import (
    escaped,
    expanded,
    is_plain,
    is_temporary,
    sanitised,
    shortened,
)
from h2h.errors import ConfigError

ANY_NAME = st.text(st.characters(codec=None, exclude_characters="\0/"), min_size=1, max_size=300)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\nb.xml", r"a\x0ab.xml"),
        ("\x1b[31m.xml", r"\x1b[31m.xml"),
        ("bad\udcff.xml", r"bad\xff.xml"),
        ("gnp\u202elmx.xml", r"gnp\u202elmx.xml"),
        ("c1\x85control.xml", r"c1\u0085control.xml"),
        ("two\u2028lines", r"two\u2028lines"),
        ("back\\x0aslash", r"back\\x0aslash"),
        ("\U000e0041", r"\U000e0041"),
        ("Löhne 11月.xml", "Löhne 11月.xml"),
    ],
)
def test_a_hostile_name_is_shown_as_one_printable_line(name: str, shown: str) -> None:
    assert escaped(name) == shown


@given(ANY_NAME)
def test_every_name_can_be_logged_and_stored(name: str) -> None:
    assert escaped(name).isprintable()
    assert escaped(name).encode()


@given(ANY_NAME, ANY_NAME)
def test_two_names_never_look_the_same(one: str, other: str) -> None:
    assert (escaped(one) == escaped(other)) == (one == other)


@given(ANY_NAME)
def test_a_sanitised_value_is_a_plain_name_for_every_server(name: str) -> None:
    clean = sanitised(name)
    assert clean.isascii()
    assert not clean.startswith((".", "-"))
    assert not set(clean) & set(" /\\*?%{}'\"")
    assert sanitised(clean) == clean


@given(ANY_NAME)
def test_a_shortened_name_is_a_plain_name_of_bounded_length(name: str) -> None:
    short = shortened(name, 40)
    assert is_plain(short)
    assert len(short.encode()) <= 40
    assert not short.startswith((".", "-"))


def test_a_shortened_name_keeps_the_letters_of_its_writer() -> None:
    assert shortened("工资 11月.xml") == "工资 11月.xml"
    assert shortened("../../etc/passwd") == "_._.._etc_passwd"
    assert shortened("月" * 100, 10) == "月月月"


@pytest.mark.parametrize(
    "name",
    [
        ".hidden",
        "a.xml.tmp",
        "a.PART",
        "a.partial",
        "a.filepart",
        "a.inprocess",
        "a.temp",
        "a.uploading",
        "a.Writing",
    ],
)
def test_a_name_somebody_still_writes_to_is_temporary(name: str) -> None:
    assert is_temporary(name)


@pytest.mark.parametrize("name", ["a.xml", "tmp", "a.tmp.xml", "party", "-rf.xml"])
def test_an_ordinary_name_is_not_temporary(name: str) -> None:
    assert not is_temporary(name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "/etc/x", "a/b", "a\nb", "a\x1b", "a\u202eb", "\udcff", "a\\b"]
)
def test_a_name_that_is_no_single_plain_part_is_left_out(name: str) -> None:
    assert not is_plain(name)


def test_a_name_may_be_255_bytes_long_and_no_longer() -> None:
    assert is_plain("x" * 255)
    assert not is_plain("x" * 256)
    assert not is_plain("月" * 86)


def test_the_template_gives_the_name_that_the_bank_asked_for() -> None:
    name = expanded(
        "{customer}_{message}_{date:%Y%m%d}_{sequence:04}.xml.pgp",
        {
            "customer": "CORP 1",
            "message": "../MSG/7",
            "date": date(2026, 11, 23),
            "sequence": 42,
        },
    )
    assert name == "CORP_1__._MSG_7_20261123_0042.xml.pgp"


@pytest.mark.parametrize(
    "template",
    [
        "{unknown}.xml",
        "{customer.__class__}.xml",
        "{customer[0]}.xml",
        "{customer!r}.xml",
        "{}.xml",
        "{customer",
        "{sequence:%Y}.xml",
        "a/{customer}",
        "{customer}\n",
        "-{customer}",
        "",
        "{customer}" + "x" * 255,
    ],
)
def test_a_template_that_gives_no_plain_name_names_itself_and_the_fields(template: str) -> None:
    with pytest.raises(ConfigError, match=r"template .*customer.*config\.toml"):
        expanded(template, {"customer": "c", "sequence": 1})
