"""`h2h check` as a clerk sees it: the place, the words, the file around it; and as programs do."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from h2h.adapters import catalogue
from h2h.cli import root
from h2h.cli.problems import show_problems
from h2h.core.problem import Problem, Severity
from h2h.core.words import say
from h2h.excerpt import Excerpts

if TYPE_CHECKING:
    from tests.conftest import PaymentFile

FAR = "2039-12-01"
WRONG = {"end_to_end_id": "INV-2", "creditor_iban": "FR1420041010050500013M02607"}


class Check(Protocol):
    """Runs the command on files made of bytes; the last arguments are its options."""

    def __call__(self, *files: bytes, options: tuple[str, ...] = ...) -> Result: ...


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    monkeypatch.chdir(tmp_path)

    def run(*files: bytes, options: tuple[str, ...] = ()) -> Result:
        names = [f"file{number}.xml" for number, _ in enumerate(files, 1)]
        for name, content in zip(names, files, strict=True):
            Path(name).write_bytes(content)
        return CliRunner().invoke(root, ["check", *options, *names])

    return run


def one_line(content: bytes) -> bytes:
    """As an ERP writes it that knows no line breaks."""
    return b"".join(line.strip() for line in content.splitlines())


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.output.splitlines()]


# --------------------------------------------------------------------------------- for programs


def test_each_file_is_one_object_with_everything_about_each_problem(
    check: Check, payment_file: PaymentFile
) -> None:
    good = payment_file(execution_date=FAR)
    bad = payment_file(payments=[{}, WRONG], execution_date=FAR)
    result = check(good, bad, b"", options=("--json",))
    assert result.exit_code == 1
    first, second, third = lines(result)
    assert first == {
        "file": "file1.xml",
        "message": "pain.001.001.09",
        "valid": True,
        "transactions": 1,
        "control_sum": {"EUR": "100.00"},
        "problems": [],
        "more": 0,
    }
    (problem,) = second["problems"]
    assert [*problem] == [
        *("rule", "severity", "code", "path", "xpath", "line", "column"),
        *("message", "found", "expected", "remedy"),
    ]
    assert problem["path"] == "batch 1, payment 2 (INV-2), creditor account"
    assert problem["found"] == WRONG["creditor_iban"]
    assert (third["message"], third["transactions"], third["control_sum"]) == (None, None, {})


def test_problems_beyond_the_first_hundred_are_counted(
    check: Check, payment_file: PaymentFile
) -> None:
    payments = [{"amount": f"{euros}.001"} for euros in range(1, 131)]
    (found,) = lines(check(payment_file(payments=payments), options=("--json",)))
    assert (len(found["problems"]), found["more"]) == (100, 30)


def test_with_first_the_file_is_left_at_its_first_error(
    check: Check, payment_file: PaymentFile
) -> None:
    cut_off = payment_file(payments=[WRONG, *[{}] * 3000], execution_date=FAR)[:-100]
    (found,) = lines(check(cut_off, options=("--first", "--json")))
    assert [problem["rule"] for problem in found["problems"]] == ["iban"]
    assert (found["valid"], found["transactions"], found["control_sum"]) == (False, None, {})
    (whole,) = lines(check(cut_off, options=("--json",)))
    assert [problem["rule"] for problem in whole["problems"]] == ["xml"]


def test_a_good_file_is_read_to_its_end_with_first_too(
    check: Check, payment_file: PaymentFile
) -> None:
    (found,) = lines(check(payment_file(execution_date=FAR), options=("--first", "--json")))
    assert (found["valid"], found["transactions"]) == (True, 1)


# ------------------------------------------------------------------------------ what is judged by


def test_a_profile_judges_without_a_workspace(check: Check, payment_file: PaymentFile) -> None:
    large = payment_file(payments=[{"amount": "1000000000.00"}], execution_date=FAR)
    assert check(large).exit_code == 0
    result = check(large, options=("--profile", "sepa", "--json"))
    assert result.exit_code == 1
    (found,) = lines(result)
    assert "largest-payment" in {problem["rule"] for problem in found["problems"]}


def test_offline_a_profile_brings_its_business_days(
    check: Check, payment_file: PaymentFile
) -> None:
    christmas = payment_file(execution_date="2040-12-25")
    assert "no business day" not in check(christmas).output
    assert "no business day" in check(christmas, options=("--profile", "sepa")).output
    assert "no business day" not in check(christmas, options=("--profile", "sepa-instant")).output


def test_an_unknown_profile_is_wrong_use_and_names_those_there_are(
    check: Check, payment_file: PaymentFile
) -> None:
    result = check(payment_file(), options=("--profile", "sepia"))
    assert result.exit_code == 2
    assert "'sepia'" in result.output
    assert "cross-border, nordic, sepa, sepa-instant" in " ".join(result.output.split())


def test_an_unknown_language_is_wrong_use_and_names_those_there_are(
    check: Check, payment_file: PaymentFile
) -> None:
    result = check(payment_file(), options=("--lang", "xx"))
    assert result.exit_code == 2
    assert "en, zh" in result.output


def test_everything_that_is_told_goes_through_the_catalogue(
    check: Check, payment_file: PaymentFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def marked(_language: str) -> Callable[[str], str]:
        return lambda template: f"<{template}>"

    monkeypatch.setattr(catalogue, "translator", marked)
    bad = payment_file(payments=[WRONG], execution_date=FAR)
    shown = check(bad, options=("--lang", "zh")).output
    assert "<<NOT VALID> (<<pain.001.001.09, <1 payment>>, 100.00 EUR>)>" in shown.replace(
        "file1.xml: ", ""
    )
    assert "<<<batch 1, payment 1 (INV-2)>, <creditor account>>, <line 24, column 23>>" in shown
    assert "<-> <Ask the owner" in shown
    (found,) = lines(check(bad, options=("--lang", "zh", "--json")))
    (problem,) = found["problems"]
    assert problem["remedy"].startswith("<Ask the owner")
    assert problem["path"].startswith("<<batch 1")


# ---------------------------------------------------------------------------------- for a person


def test_a_good_file_is_one_line(check: Check, payment_file: PaymentFile) -> None:
    result = check(payment_file(payments=[{}, {"amount": "7"}], execution_date=FAR))
    assert result.output == "file1.xml: valid (pain.001.001.09, 2 payments, 107.00 EUR)\n"


def test_a_clerk_sees_the_place_the_words_the_remedy_and_the_file_around_it(
    check: Check, payment_file: PaymentFile
) -> None:
    result = check(payment_file(payments=[{}, WRONG], execution_date=FAR))
    assert (
        result.output
        == """\
file1.xml: NOT VALID (pain.001.001.09, 2 payments, 200.00 EUR)
1 error

batch 1, payment 2 (INV-2), creditor account, line 31, column 23
  error iban AC01: FR1420041010050500013M02607 has wrong check digits: \
a character was mistyped or swapped
    -> Ask the owner for the IBAN and correct it in the master data.
  29 |         <Amt><InstdAmt Ccy="EUR">100.00</InstdAmt></Amt>
  30 |         <Cdtr><Nm>Fournisseur SA</Nm></Cdtr>
  31 |         <CdtrAcct><Id><IBAN>FR1420041010050500013M02607</IBAN></Id></CdtrAcct>
     |                       ^

"""
    )


def test_of_a_file_in_one_line_only_the_surroundings_are_shown(
    check: Check, payment_file: PaymentFile
) -> None:
    content = one_line(payment_file(payments=[{}, WRONG], execution_date=FAR))
    *_, excerpt, caret, empty = check(content).output.split("\n")[:-1]
    assert empty == ""
    place = caret.index("^")
    assert excerpt[place:].startswith("<IBAN>FR1420041010050500013M02607</IBAN>")
    text = excerpt.partition(" | ")[2]
    assert (text[0], text[-1], len(text)) == ("…", "…", 122)


def test_the_caret_stands_under_the_place_behind_wide_characters(
    check: Check, payment_file: PaymentFile
) -> None:
    payments = [{"end_to_end_id": "供应商-1", "creditor_name": "上海公司", **WRONG}]
    content = one_line(payment_file(payments=payments, execution_date=FAR))
    *_, excerpt, caret, _ = check(content).output.split("\n")[:-1]
    wide = excerpt.index("<IBAN>") + len("上海公司")  # each takes two cells
    assert caret.index("^") == wide


def test_terminal_escapes_from_a_file_are_made_visible(
    check: Check, payment_file: PaymentFile
) -> None:
    payments = [{**WRONG, "creditor_name": "A\u009b31mB\u202eC", "end_to_end_id": "I\u202eD"}]
    shown = check(payment_file(payments=payments, execution_date=FAR)).output
    assert "\\u009b31m" in shown
    assert "A\\u009b31mB\\u202eC" in shown
    assert "(I\\u202eD)" in shown
    assert "\u202e" not in shown
    assert "\u009b" not in shown


def test_bytes_that_are_no_utf_8_are_shown_as_bytes(
    check: Check, payment_file: PaymentFile
) -> None:
    content = payment_file(payments=[{"creditor_name": "Müller"}])
    shown = check(content.replace("ü".encode(), b"\xfc")).output
    assert "M\\xfcller" in shown
    wide = content.decode().replace("UTF-8", "UTF-16").encode("utf-16")
    shown = check(wide).output
    assert "UTF-16" in shown
    assert "\\x00" not in shown


def test_the_same_fault_many_times_is_summed_up(check: Check, payment_file: PaymentFile) -> None:
    payments = [{"amount": f"{cents}.001"} for cents in range(1, 39)]
    shown = check(payment_file(payments=payments, execution_date=FAR)).output
    assert "38 errors" in shown
    assert shown.count("-> Round at the source") == 1
    assert "and 37 more like this:" in shown
    assert "batch 1, payment 2 (MSG-1-2), amount, line 29, column 14: 2.001\n" in shown
    assert "payment 30" not in shown


def test_a_monstrous_value_does_not_drown_its_explanation(
    check: Check, payment_file: PaymentFile
) -> None:
    content = payment_file(payments=[{"creditor_iban": "X" * 3000}], execution_date=FAR)
    shown = check(content).output
    assert "X … X" in shown
    assert "is not an IBAN: two letters, two digits" in shown
    assert max(map(len, shown.splitlines())) < 500


def test_what_is_beyond_the_hundred_is_said(check: Check, payment_file: PaymentFile) -> None:
    payments = [{"amount": f"{euros}.001"} for euros in range(1, 131)]
    shown = check(payment_file(payments=payments, execution_date=FAR)).output
    assert "and 30 more that are not told here" in shown


def test_another_fault_of_the_same_rule_keeps_its_own_words(
    check: Check, payment_file: PaymentFile
) -> None:
    short = {"end_to_end_id": "INV-3", "creditor_iban": "DE8937040044053201300"}
    shown = check(payment_file(payments=[WRONG, short], execution_date=FAR)).output
    assert "wrong check digits" in shown
    assert "has 21 characters" in shown
    assert "more like this" not in shown


def test_problems_of_one_place_share_its_heading_and_excerpt(
    check: Check, payment_file: PaymentFile
) -> None:
    payments = [{"creditor_iban": "XX00", "end_to_end_id": "INV-1"}]
    shown = check(payment_file(payments=payments, execution_date=FAR)).output
    heading = "batch 1, payment 1 (INV-1), creditor account, line 24, column 23"
    assert shown.count(heading) == 1
    assert "error iban" in shown
    assert "warning iban-country" in shown


# --------------------------------------------------------------------------------- on a terminal


PROBLEM = Problem(
    "iban",
    Severity.ERROR,
    say("{iban} has wrong check digits: a character was mistyped or swapped", iban="DE00"),
    say("Ask the owner for the IBAN and correct it in the master data."),
    "creditor account",
    code="AC01",
    expected="DE followed by twenty digits, of which the first two are check digits",
)


def shown_on(console: Console) -> list[str]:
    show_problems(console, Path("nowhere.xml"), [PROBLEM])
    output = console.file
    assert isinstance(output, io.StringIO)
    return output.getvalue().splitlines()


def test_on_a_terminal_long_lines_go_on_below_their_beginning() -> None:
    console = Console(file=io.StringIO(), width=50, force_terminal=True, color_system=None)
    assert shown_on(console) == [
        "1 error",
        "",
        "creditor account",
        "  error iban AC01: DE00 has wrong check digits:",
        "    a character was mistyped or swapped",
        "    expected DE followed by twenty digits, of",
        "      which the first two are check digits",
        "    -> Ask the owner for the IBAN and correct it",
        "      in the master data.",
    ]


def test_on_a_terminal_the_severity_has_its_colour() -> None:
    console = Console(file=io.StringIO(), width=50, force_terminal=True, color_system="standard")
    assert any("\x1b[1;31merror iban AC01\x1b[0m" in line for line in shown_on(console))


def test_elsewhere_there_are_no_colours_and_a_paragraph_is_one_line() -> None:
    told = shown_on(Console(file=io.StringIO(), width=50))
    assert not any("\x1b" in line for line in told)
    assert f"    expected {PROBLEM.expected}" in told


# ------------------------------------------------------------------------------------- excerpts


TEXT = st.text(st.sampled_from("ab<>/é汉\n"), min_size=1, max_size=200)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXT, data=st.data())
def test_an_excerpt_shows_what_stands_there(tmp_path: Path, text: str, data: st.DataObject) -> None:
    path = tmp_path / "text"
    path.write_text(text, "utf-8")
    places = [
        (number, column)
        for number, line in enumerate(text.split("\n"), 1)
        for column in range(1, len(line) + 1)
    ]
    wanted = data.draw(st.lists(st.sampled_from(places or [(1, 1)]), max_size=5))
    with Excerpts(path) as excerpts:
        for line, column in wanted:
            found = excerpts.around(line, column, 10)
            here = next(each for each in found if each.caret is not None)
            whole = text.split("\n")[line - 1]
            assert here.number == line
            assert here.text[here.caret :].rstrip("…") == whole[column - 1 : column + 9]
            assert here.text[: here.caret].lstrip("…") == whole[max(0, column - 11) : column - 1]
            for each in found:
                assert each.text.strip("…") in text.split("\n")[each.number - 1]


def test_as_many_characters_are_shown_whatever_bytes_they_take(tmp_path: Path) -> None:
    path = tmp_path / "wide"
    path.write_text("汉" * 99 + "😀" * 101, "utf-8")
    with Excerpts(path) as excerpts:
        (line,) = excerpts.around(1, 100)
    assert line.text == "…" + "汉" * 60 + "😀" * 60 + "…"


def test_of_a_long_neighbour_no_middle_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_text("<a>" + "x" * 2000 + "</a>\n<b/>\n<c>" + "y" * 2000 + "</c>\n<d/>")
    with Excerpts(path) as excerpts:
        assert [line.text for line in excerpts.around(2, 1)] == ["<b/>"]
        assert [line.text for line in excerpts.around(4, 1)] == ["<d/>"]


@pytest.mark.parametrize("place", [(2, 1), (1, 99), (99, 1)])
def test_a_place_that_a_file_no_longer_has_is_not_shown(
    tmp_path: Path, place: tuple[int, int]
) -> None:
    path = tmp_path / "short"
    path.write_text("<a/>")
    with Excerpts(path) as excerpts:
        assert excerpts.around(*place) == []
        assert [line.text for line in excerpts.around(1, 2)] == ["<a/>"]


def test_a_large_file_is_passed_over_without_being_held(tmp_path: Path) -> None:
    path = tmp_path / "large.xml"
    path.write_bytes("<ü/>".encode() * 2_000_000 + b"<here/>")
    tracemalloc.start()
    try:
        with Excerpts(path) as excerpts:
            (line,) = excerpts.around(1, 4 * 2_000_000 + 1)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert line.text[line.caret :] == "<here/>"
    assert line.text.startswith("…<ü/>")


def test_a_missing_file_has_no_excerpt(tmp_path: Path) -> None:
    with Excerpts(tmp_path / "missing") as excerpts:
        assert excerpts.around(1, 1) == []
