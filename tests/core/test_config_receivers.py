"""`[[export]]` in config.toml: what it makes of receivers, and how its mistakes are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from h2h.cli import root
from h2h.config import ConfigProblems, load
from h2h.config.to_do import left_to_do
from h2h.core.statement import StatementKind
from h2h.errors import ConfigError
from h2h.export import PRESETS
from h2h.ports import EVERYBODY, Receiver
from h2h.wiring import receivers_of, terms_of

EXAMPLE = (Path(__file__).parents[2] / "config.toml").read_text()
RECEIVER = '[[export]]\nname = "erp"\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def receivers(path: Path, text: str) -> tuple[Receiver, ...]:
    path.write_text(EXAMPLE + text)
    return receivers_of(load(path))


def problem(path: Path, text: str) -> str:
    """The one finding about this text: its line's words, key and expectation."""
    path.write_text(EXAMPLE + text)
    with pytest.raises(ConfigProblems) as caught:
        load(path)
    (finding,) = caught.value.findings
    line = (EXAMPLE + text).splitlines()[finding.line - 1]
    return f"{line} -> {finding.key}: {finding.expected}"


def test_without_any_there_is_one_receiver_of_everything(path: Path) -> None:
    assert receivers(path, "") == (EVERYBODY,)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_decides_what_the_table_leaves_out(path: Path, name: str) -> None:
    (receiver,) = receivers(path, f'{RECEIVER}preset = "{name}"\nmarker = ".done"\n')
    preset = PRESETS[name]
    assert (receiver.forms, receiver.marker) == (preset.forms, ".done")
    for key in ("by_account", "in_order", "file_name", "longest_name", "status_reports"):
        assert getattr(receiver, key) == getattr(preset, key)


def test_what_the_table_says_goes_before_its_preset(path: Path) -> None:
    keys = 'split = "file"\nin_order = false\nstatus_reports = true\ndocuments = true\n'
    forms = 'forms = [{ form = "csv", separator = ";", kinds = ["intraday"] }]\n'
    (receiver,) = receivers(path, RECEIVER + 'preset = "yonyou"\n' + keys + forms)
    assert (receiver.by_account, receiver.in_order) == (False, False)
    assert (receiver.status_reports, receiver.documents) == (True, "as-they-come")
    (form,) = receiver.forms
    assert (form.form, form.separator, form.columns) == ("csv", ";", ())
    assert form.kinds == {StatementKind.INTRADAY}


def test_a_receiver_has_its_folder_and_its_accounts(path: Path) -> None:
    text = 'folder = "away"\naccounts = ["DE89 3704 0044 0532 0130 00"]\nentities = ["Acme GmbH"]\n'
    (receiver,) = receivers(path, RECEIVER + text)
    assert receiver.folder == str(path.parent / "away")
    assert receiver.accounts == {"DE89370400440532013000"}
    assert receivers(path, RECEIVER)[0].folder == "erp"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('banks = ["acmee"]', "export[1].banks[1]: one of acme"),
        ('accounts = ["DE00"]', "export[1].accounts[1]: one of DE89370400440532013000"),
        ('entities = ["Acme AG"]', "export[1].entities[1]: one of Acme GmbH"),
        ('split = "bank"', "export[1].split: one of 'file' or 'account'"),
        ('file_name = "{account}"', "export[1].file_name: a template with {id}"),
        ('file_name = "{id}{amount}"', "export[1].file_name: a template of a plain file name"),
        ('documents = "later"', "export[1].documents: one of as-they-come, with-entry, none"),
        ('marker = "ok"', 'export[1].marker: a suffix such as ".ok"'),
        ('forms = [{ form = "pdf" }]', "export[1].forms[1].form: one of 'original'"),
        ('forms = [{ form = "csv", separator = "||" }]', "export[1].forms[1].separator: one char"),
        ('forms = [{ form = "csv", date_format = "%H" }]', "export[1].forms[1].date_format: a fo"),
        ("forms = []", "export[1].forms: at least one"),
        ('preset = "SAP R/3"', "export[1].preset: the name of a preset"),
    ],
)
def test_a_mistake_is_named_with_its_place(path: Path, text: str, expected: str) -> None:
    assert problem(path, f"{RECEIVER}{text}\n").startswith(f"{text} -> {expected}")


@pytest.mark.parametrize("name", ["acme", "answers"])
def test_a_receivers_folder_is_of_no_other_use(path: Path, name: str) -> None:
    found = problem(path, f'[[export]]\nname = "{name}"\n')
    assert "export[1].name: a name of its own" in found


def test_two_receivers_have_two_names_and_two_folders(path: Path) -> None:
    assert "export[2].name: a name of its own" in problem(path, RECEIVER + RECEIVER)
    other = '[[export]]\nname = "bi"\nfolder = "/mnt/x"\n'
    both = f'{RECEIVER}folder = "/mnt/x"\n{other}'
    assert "export[2].folder: a folder of its own" in problem(path, both)


@pytest.mark.parametrize(
    ("folder", "apart"),
    [
        ("archive", "the archive"),
        ("archive/erp", "the archive"),
        (".", "the outbox"),
        ("x/../outbox/acme", "the outbox"),
        ("ledger.db", "the ledger"),
        ("inbox/acme", "inbox/acme/"),
        ("inbox/answers", "inbox/answers/"),
        ("inbox/bi/in", "receiver bi"),
        ("far/in", "receiver far"),
        ("FAR/in", "receiver far"),
    ],
)
def test_a_receivers_folder_is_apart_from_all_others(path: Path, folder: str, apart: str) -> None:
    others = '[[export]]\nname = "bi"\n[[export]]\nname = "far"\nfolder = "far"\n'
    (path.parent / "FAR").symlink_to("far")
    found = problem(path, f'{others}{RECEIVER}folder = "{folder}"\n')
    assert found == (
        f'folder = "{folder}" -> export[3].folder: a folder of its own, apart from {apart}'
    )


def test_an_absolute_folder_is_told_from_the_rooms_as_well(path: Path) -> None:
    inside = path.parent / "archive" / "x"
    found = problem(path, f'{RECEIVER}folder = "{inside}"\n')
    assert "export[1].folder: a folder of its own, apart from the archive" in found


def test_a_folder_beside_the_rooms_is_left_to_be_made(path: Path) -> None:
    path.write_text(f'{EXAMPLE}{RECEIVER}folder = "away/erp"\n')
    config = load(path)
    place = str(path.parent / "away" / "erp")
    finding = left_to_do(path, config)[-1]
    assert (finding.key, finding.found) == ("export[1].folder", f"nothing at {place}")
    assert finding.line == len(EXAMPLE.splitlines()) + 3
    (path.parent / "away" / "erp").mkdir(parents=True)
    assert finding.key not in {each.key for each in left_to_do(path, config)}


@pytest.mark.parametrize(
    ("form", "key", "expected"),
    [
        ('"mt940", kinds = ["intraday", "notification"]', "kinds", "statement among them"),
        ('"mt942", kinds = ["statement"]', "kinds", "intraday or notification among them"),
        ('"mt940", separator = ";"', "separator", "no such key in mt940: it is for csv"),
        ('"xlsx", decimal_mark = ","', "decimal_mark", "no such key in xlsx: it is for csv"),
        ('"jsonl", columns = ["account"]', "columns", "no such key in jsonl: it is for csv, xlsx"),
        (
            '"camt.02", booked = true',
            "booked",
            "no such key in camt.02: it is for csv, jsonl, xlsx",
        ),
        ('"csv", customer = "X"', "customer", "no such key in csv: it is for bai2"),
    ],
)
def test_a_form_that_makes_nothing_or_a_key_that_it_ignores_is_named(
    path: Path, form: str, key: str, expected: str
) -> None:
    found = problem(path, f"{RECEIVER}forms = [{{ form = {form} }}]\n")
    assert found.endswith(f" -> export[1].forms[1].{key}: {expected}")


@pytest.mark.parametrize("wrong", ["%H", "%B", "", "x%Y"])
def test_the_letters_of_a_date_format_are_all_told(path: Path, wrong: str) -> None:
    form = f'{{ form = "csv", date_format = "{wrong}" }}'
    assert "a format of %Y, %y, %m, %d and" in problem(path, f"{RECEIVER}forms = [{form}]\n")


@pytest.mark.parametrize("wrong", [".", "-", "%", "a", "7"])
def test_what_cannot_separate_cells_starts_nothing(path: Path, wrong: str) -> None:
    form = f'{{ form = "csv", separator = "{wrong}" }}'
    assert "one character" in problem(path, f"{RECEIVER}forms = [{form}]\n")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('preset = "sapp"', "export[1].preset"),
        ('forms = [{ form = "csv", columns = ["account", "ammount"] }]', "columns[2]"),
        ('forms = [{ form = "csv", columns = ["account"], headings = ["a", "b"] }]', "headings"),
    ],
)
def test_an_unknown_preset_or_column_starts_nothing(path: Path, text: str, key: str) -> None:
    path.write_text(f"{EXAMPLE}{RECEIVER}{text}\n")
    with pytest.raises(ConfigError, match="found"):
        receivers_of(load(path))
    told = CliRunner().invoke(root, ["config", "check", "--config", str(path), "--json"])
    (finding,) = json.loads(told.output)["problems"]
    assert finding["key"].endswith(key)
    assert finding["line"] == len(EXAMPLE.splitlines()) + 3
    assert told.exit_code == 2


def test_a_reference_has_one_group(path: Path) -> None:
    plain = 'kind = "document", after = "delete" }'
    for wrong in ("(", "a", "(a)(b)"):
        path.write_text(EXAMPLE.replace(plain, f"reference = '{wrong}', {plain}"))
        with pytest.raises(ConfigProblems, match="regular expression"):
            load(path)
    path.write_text(EXAMPLE.replace(plain, f"reference = '_(A+)', {plain}"))
    config = load(path)
    reference = terms_of("acme", config.banks["acme"], config).downloads[1].reference
    assert reference is not None
    assert reference.search("x_AAA.pdf")


def test_the_reference_that_is_proposed_is_one(path: Path) -> None:
    plain = 'kind = "document", after = "delete" }'
    for wrong in ("(", "a"):
        path.write_text(EXAMPLE.replace(plain, f"reference = '{wrong}', {plain}"))
        with pytest.raises(ConfigProblems) as told:
            load(path)
        proposed = told.value.findings[0].remedy.removeprefix("In single quotes, such as ")
        path.write_text(EXAMPLE.replace(plain, f"reference = {proposed}, {plain}"))
        found = load(path).banks["acme"]
        reference = terms_of("acme", found, load(path)).downloads[1].reference
        assert reference is not None
        assert reference.search("20261123_ABCDEFGHIJ1.pdf")
