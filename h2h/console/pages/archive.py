"""Archive: how far the chain is, when it was verified last, and dossiers for the auditor."""

from __future__ import annotations

import tarfile
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from starlette.background import BackgroundTask
from starlette.responses import FileResponse, RedirectResponse, Response

from h2h.console.asking import day, given
from h2h.console.guard import signed_in
from h2h.console.page import Asked
from h2h.core.operators import Act
from h2h.core.words import say
from h2h.errors import Refused
from h2h.flows.handout import hand_out
from h2h.ports import Wanted

_MOST = 100  # dossiers found


def _page(asked: Asked) -> Response:
    ledger = asked.room.ledger
    wanted = Wanted(
        given(asked, "text"), given(asked, "bank"), day(asked, "since"), day(asked, "until")
    )
    looked = wanted != Wanted()
    found = ledger.found(wanted, _MOST + 1) if looked else ()
    return asked.render(
        "archive.html",
        head=ledger.head(),
        verified=ledger.last_verified(),
        run=asked.room.proving.run,
        filters={name: given(asked, name) for name in ("text", "bank", "since", "until")},
        looked=looked,
        found=found[:_MOST],
        most=_MOST if len(found) > _MOST else 0,
        veiled=asked.hides,
        banks=list(asked.room.services.banks),
    )


def _verify(asked: Asked) -> Response:
    asked.room.proving.begin(asked.room.services, asked.who)
    return RedirectResponse("/archive/verification", status_code=303)


def _verification(asked: Asked) -> Response:
    return asked.render("verification.html", run=asked.room.proving.run)


def _download(asked: Asked) -> Response:
    """A dossier with its proof, as one packed file that is removed once it was sent."""
    identity = asked.request.path_params["file_id"]
    file = asked.room.ledger.file(identity)
    if file is None:
        raise Refused(
            say("there is no file {id}", id=identity), say("Search for it, or look at Today")
        )
    if asked.hides(file):
        words = say("the file is confidential")
        raise Refused(words, say("Only the role payroll may have its content"))
    place = Path(mkdtemp(prefix="h2h-"))
    try:
        (folder := place / identity).mkdir()
        hand_out(identity, asked.room.ledger, asked.room.services.archive, folder)
        packed = place / f"{identity}.tar.gz"
        with tarfile.open(packed, "w:gz") as tar:
            tar.add(folder, identity, filter=_nobodys)
    except BaseException:
        rmtree(place, ignore_errors=True)
        raise
    clean = BackgroundTask(rmtree, place, ignore_errors=True)
    return FileResponse(packed, filename=packed.name, background=clean)


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Who runs h2h here is nobody's business elsewhere."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


page = signed_in(_page)
verify = signed_in(_verify, act=Act.AUDIT)
verification = signed_in(_verification)
download = signed_in(_download, act=Act.AUDIT)
