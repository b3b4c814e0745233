"""`h2h export ID --as FORM`, and what `h2h read FILE --format FORM` shares with it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from h2h.core.naming import escaped
from h2h.core.words import say
from h2h.errors import Refused

if TYPE_CHECKING:
    from h2h.core.statement import Statement, StatementKind
    from h2h.core.status import StatusReport
    from h2h.ports import File, FormTerms, Ledger, StatementRow

FORM_HELP = (
    "original, camt.02, camt.04, camt.06, camt.08, mt940, mt942, bai2, csv, jsonl, xlsx, or the "
    "name of an ERP: sap, oracle-fusion, oracle-fusion-bai2, dynamics365, netsuite, odoo, yonyou, "
    "yonyou-xlsx, kingdee, kingdee-csv"
)
_MOST_TOLD = 20  # sentences of what was left out
_LISTS = {"columns", "headings"}
_OF_REPORTS = {"separator", "decimal_mark", "encoding", "header"}

_OPTIONS = (
    click.option(
        "--out",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write to this file; otherwise to the standard output.",
    ),
    click.option("--columns", help="csv, xlsx: these columns, between commas."),
    click.option("--headings", help="csv, xlsx: their headings, between commas."),
    click.option("--separator", help="csv: between cells; a comma unless told."),
    click.option("--decimal-mark", help="csv: a point unless told."),
    click.option("--encoding", help="csv: utf-8, utf-8-sig, gb18030 or latin-1."),
    click.option(
        "--date-format", help="csv, xlsx: of %Y, %y, %m, %d and - . /; %Y-%m-%d unless told."
    ),
    click.option("--no-header", "header", flag_value=False, default=None, help="csv, xlsx."),
    click.option(
        "--booked", is_flag=True, default=None, help="csv, jsonl, xlsx: status BOOK only."
    ),
    click.option(
        "--rows",
        type=click.Choice(["transactions", "entries"]),
        help="csv, xlsx: a row each; transactions unless told.",
    ),
)


def form_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say what a form looks like, and where it goes."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command()
@click.argument("subject", metavar="ID")
@click.option("--as", "form", metavar="FORM", required=True, help=FORM_HELP)
@form_options
@click.pass_obj
def export(path: Path, /, subject: str, *, form: str, out: Path | None, **looks: Any) -> None:  # noqa: ANN401 - the options of form_options
    """Write the statements of a bank file, or one statement, in a form that an ERP imports.

    ID is that of a file or a statement. What has no place in the form is told.
    """
    from h2h.cli.workspace import insist_unveiled, ledger_at  # noqa: PLC0415 - heavy

    with ledger_at(path) as ledger:
        file, rows = _found(ledger, subject)
        insist_unveiled(path, ledger, file)
        content = _content(path, file)
        if file.message.startswith("pain.002"):
            write_report(_report(content), content, form, out, looks)
            return
        statements = [found for row in rows if (found := ledger.statement(row.id))]
        write_statements(statements, content, form, out, looks)


def _found(ledger: Ledger, subject: str) -> tuple[File, Sequence[StatementRow]]:
    """The bank file, and those of its statements that are meant and are booked."""
    file = ledger.file(subject) or ledger.file(subject.rpartition("-")[0])
    if file is None or file.direction != "in":
        words = f"there is no bank file and no statement {escaped(subject)}"
        raise Refused(words, "`h2h statements` lists them")
    there = ledger.statements(file.id)
    rows = [row for row in there if subject in {file.id, row.id}]
    if not rows and subject != file.id:
        number = escaped(subject.rpartition("-")[2])
        words = f"file {file.id} has no statement {number}: it has {len(there) or 'none'}"
        raise Refused(words, f"`h2h show {file.id}` lists them")
    booked = [row for row in rows if row.kept == "booked"]
    for row in rows:
        if row not in booked:
            _tell([f"statement {row.id} is {row.kept}: {row.because}"])
    if not booked and not file.message.startswith("pain.002"):
        raise Refused(f"nothing of {escaped(subject)} is booked", "`h2h show` says why")
    return file, booked


def _content(path: Path, file: File) -> Path:
    """The bank's verified file in the archive."""
    from h2h.adapters.archive import RECEIVED, REST, dossier_path  # noqa: PLC0415 - heavy
    from h2h.config import load  # noqa: PLC0415 - heavy
    from h2h.flows.sweep import OPENED  # noqa: PLC0415 - with the flows

    dossier = dossier_path(load(path).h2h.archive, file.id)
    for name in (OPENED, RECEIVED):
        if (dossier / (name + REST)).exists() and not (dossier / name).exists():
            words = say("{name} of {id} is sealed at rest", name=name, id=file.id)
            raise Refused(words, say("`h2h archive export` opens it where the archive's key is"))
        if (dossier / name).exists():
            break
    return dossier / name


def _report(content: Path) -> StatusReport | None:
    from h2h.adapters.messages import Iso20022Messages  # noqa: PLC0415 - lxml

    return Iso20022Messages().read(content, content.stat().st_size).report


# ------------------------------------------------------------------------------ shared with `read`


def write_file(
    path: Path, largest: int, form: str, out: Path | None, looks: Mapping[str, Any]
) -> None:
    """A bank file as it lies on disk, in another form."""
    from h2h.export.offline import BankFile  # noqa: PLC0415 - lxml

    file = BankFile(path, largest)
    if file.report is not None:
        write_report(file.report, path, form, out, looks)
        return
    if not file.statements:
        raise Refused(f"{file.message} holds no statement", "`h2h read FILE` tells what it says")
    for statement in file.statements:
        _tell(f"statement {statement.index}: {doubt}" for doubt in statement.doubts)
    write_statements(file.statements, path, form, out, looks)


def write_statements(
    statements: Sequence[Statement],
    content: Path,
    form: str,
    out: Path | None,
    looks: Mapping[str, Any],
) -> None:
    """Those statements that the form takes; what was left out goes to the standard error."""
    from h2h.export import ErpExporter  # noqa: PLC0415 - lxml
    from h2h.ports import Source  # noqa: PLC0415 - with it

    terms = _terms(form, {statement.kind for statement in statements}, looks)
    taken = [statement for statement in statements if terms.takes(statement.kind)]
    others = [each for each in statements if each not in taken]
    _tell(f"{form} takes no {other.kind}: {other.id} is left out" for other in others)
    source = Source(content, tuple(statement.index for statement in taken))
    _put(lambda target: ErpExporter().write(terms, taken, target, source=source), out)


def write_report(
    report: StatusReport | None,
    content: Path,
    form: str,
    out: Path | None,
    looks: Mapping[str, Any],
) -> None:
    """A status report as the bank wrote it, which is what an ERP takes, or as rows."""
    from h2h.export import PRESETS, ErpExporter  # noqa: PLC0415 - lxml

    terms = _looking(_known(form), looks)
    preset = PRESETS.get(form)
    if preset and not preset.status_reports:
        raise Refused(f"{form} takes no status report", "Choose original, csv or jsonl")
    if own := [name for name in _given(looks) if name not in _OF_REPORTS]:
        words = (
            f"a status report has columns and rows of its own: {_option(own[0])} is for statements"
        )
        raise click.UsageError(words)
    made = next(iter(ErpExporter().report(report, [terms])), None) if report else None
    whole = preset is not None or form == "original"
    if not whole and made is None:
        raise Refused(f"a status report cannot be made to {form}", "Choose original, csv or jsonl")

    def write(target: Path) -> Sequence[str]:
        if whole or made is None:
            target.write_bytes(content.read_bytes())
            return ()
        target.write_bytes(made.content)
        return made.left_out

    _put(write, out)


def _terms(form: str, kinds: set[StatementKind], looks: Mapping[str, Any]) -> FormTerms:
    """The form that is named, or the one in which an ERP takes such statements."""
    terms = _looking(_known(form, kinds), looks)
    if kinds and not any(terms.takes(kind) for kind in kinds):
        words = f"{form} takes no {' and no '.join(sorted(kinds))}"
        raise Refused(words, "Choose another form: `h2h export --help` lists them")
    return terms


def _known(form: str, kinds: Iterable[StatementKind] = ()) -> FormTerms:
    from h2h.export import FORMS, PRESETS  # noqa: PLC0415 - lxml
    from h2h.ports import FormTerms  # noqa: PLC0415 - with it

    if form in PRESETS:
        forms = PRESETS[form].forms
        return next((each for each in forms if any(map(each.takes, kinds))), forms[0])
    if form not in FORMS:
        words = f"there is no form and no preset {escaped(form)}"
        raise Refused(
            words, f"Choose a form ({', '.join(FORMS)}) or a preset ({', '.join(PRESETS)})"
        )
    return FormTerms(form)


def _looking(terms: FormTerms, looks: Mapping[str, Any]) -> FormTerms:
    """`terms` as the options say. What config.toml refuses is refused here too."""
    from h2h.config import forms, values  # noqa: PLC0415 - heavy
    from h2h.config.findings import Wrong  # noqa: PLC0415 - with it

    given = _given(looks)
    for name in given:
        if why := forms.ignored(terms.form, name):
            raise click.UsageError(f"{_option(name)} says nothing {why}")
    for name, judged in (("separator", values.separator), ("date_format", values.date_format)):
        try:
            judged(given.get(name, getattr(terms, name)))
        except Wrong as wrong:
            words = f"expected {wrong.expected}. {wrong.remedy}"
            raise click.BadParameter(words, param_hint=_option(name)) from wrong
    return replace(terms, **{name: _value(name, value) for name, value in given.items()})


def _given(looks: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in looks.items() if value is not None}


def _option(name: str) -> str:
    return "--no-header" if name == "header" else f"--{name.replace('_', '-')}"


def _value(name: str, given: Any) -> Any:  # noqa: ANN401 - what click and FormTerms have
    return tuple(given.split(",")) if name in _LISTS else given


def _put(write: Callable[[Path], Sequence[str]], out: Path | None) -> None:
    """To `out`, whole or not at all, or to the standard output."""
    folder = out.parent if out else None
    if folder and not folder.is_dir():
        raise click.BadParameter(f"there is no folder {folder}", param_hint="--out")
    with TemporaryDirectory(dir=folder, prefix=".h2h-") as room:
        target = Path(room) / "made"
        _tell(write(target))
        if out:
            target.replace(out)
        else:
            with target.open("rb") as made:
                shutil.copyfileobj(made, sys.stdout.buffer)


def _tell(sentences: Iterable[str]) -> None:
    """What is not in the file, on the standard error."""
    for number, words in enumerate(found := list(sentences)):
        if number == _MOST_TOLD:
            click.echo(f"h2h: and {len(found) - number} more", err=True)
            return
        click.echo(f"h2h: {escaped(words)}", err=True)
