"""Reports: which there are, one of them on the screen, and as a file to keep or to print."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from h2h.console.asking import usual_day
from h2h.console.guard import signed_in
from h2h.console.page import Asked
from h2h.core.books import account_key
from h2h.core.calendar import business_date
from h2h.core.operators import Act
from h2h.core.words import say
from h2h.errors import Refused
from h2h.reports.making import REPORTS, made
from h2h.reports.render import FIGURES, FORMS, Telling, localised, write
from h2h.reports.table import Books, Kind, Report, Row, Scope, Table

_MOST = 500  # rows of a table on the screen; a file has them all


class Wanted(NamedTuple):
    """What the form says, as it was written."""

    first: str
    last: str
    bank: str
    account: str

    @property
    def address(self) -> str:
        """The same as the end of an address."""
        names = ("from", "to", "bank", "account")
        return urlencode([pair for pair in zip(names, self, strict=True) if pair[1]])


def _list(asked: Asked) -> Response:
    return asked.render("reports.html", reports=REPORTS, wanted=_wanted(asked), banks=_banks(asked))


def _one(asked: Asked) -> Response:
    kind = _kind(asked)
    report = _report(kind, asked)
    return asked.render(
        "report.html",
        report=report,
        reports=REPORTS,
        wanted=_wanted(asked),
        banks=_banks(asked),
        forms=FORMS,
        figures=FIGURES,
        Kind=Kind,
        told=Telling(asked.telling.translate, asked.telling.language),
        rows=lambda table: list(_rows(report, table)),
        most=_MOST,
    )


def _download(asked: Asked) -> Response:
    kind, form = _kind(asked), asked.request.query_params.get("format", "")
    if form not in FORMS:
        raise Refused(say("there is no form {form}", form=form), say("Choose one that is offered"))
    report, telling = _report(kind, asked), asked.telling
    folder = Path(tempfile.mkdtemp(prefix="h2h-report-"))
    target = folder / f"{kind}_{report.scope.first}_{report.scope.last}.{form}"
    try:
        printer = asked.room.services.printer
        write(report, form, target, telling.translate, language=telling.language, printer=printer)
    except BaseException:
        shutil.rmtree(folder)
        raise
    return FileResponse(
        target,
        filename=target.name,
        media_type="application/octet-stream",
        background=BackgroundTask(shutil.rmtree, folder),
    )


def _kind(asked: Asked) -> str:
    kind = str(asked.request.path_params["kind"])
    if kind not in REPORTS:
        raise Refused(say("there is no report {kind}", kind=kind), say("Choose one of the list"))
    return kind


def _banks(asked: Asked) -> list[str]:
    return list(asked.room.services.banks)


def _wanted(asked: Asked) -> Wanted:
    """This month, unless the form says otherwise."""
    given = asked.request.query_params
    today = business_date(asked.room.now, asked.room.zone)
    first, last = given.get("from") or f"{today:%Y-%m-01}", given.get("to") or today.isoformat()
    return Wanted(first, last, given.get("bank", ""), given.get("account", ""))


def _report(kind: str, asked: Asked) -> Report:
    wanted, services = _wanted(asked), asked.room.services
    first, last = usual_day(wanted.first), usual_day(wanted.last)
    if first is None or last is None:
        raise Refused(say("this is no date"), say("Write it as 2026-11-30"))
    if first > last:
        raise Refused(say("the first day lies behind the last"), say("Change one of them"))
    scope = Scope(
        first,
        last,
        asked.room.zone,
        frozenset({wanted.bank} - {""}),
        frozenset({account_key(wanted.account)} - {""}),
        unveiled=asked.may(Act.UNVEIL),
    )
    books = Books(services.ledger, services.banks, asked.room.now)
    return made(kind, books, scope, services.environment)


def _rows(report: Report, table: Table) -> Iterator[tuple[bool, Row]]:
    """The first rows, and all totals."""
    shown = islice(table.rows, _MOST + 1)
    cut = Table(table.name, table.title, table.columns, list(shown), table.totals)
    return localised(report, cut)


page = signed_in(_list)
one = signed_in(_one)
download = signed_in(_download)
