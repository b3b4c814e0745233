"""HTML printed by Debian's chromium: a child without our environment, our files or a network.

It gets a private profile that is gone afterwards, a time limit, and a page that forbids scripts and
addresses by itself. Whether it did its work, the file that it leaves says.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from h2h.adapters import durable
from h2h.errors import ConfigError, Transient

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_LIMIT = 120.0  # seconds
_MOST_WORDS = 300
_FLAGS = (
    *("--headless", "--disable-gpu", "--no-first-run", "--no-default-browser-check"),
    *("--disable-extensions", "--disable-sync", "--disable-background-networking"),
    *("--disable-component-update", "--disable-default-apps", "--disable-dev-shm-usage"),
    *("--disable-crash-reporter", "--disable-breakpad", "--no-pdf-header-footer"),
    # no name is found, and what needs none meets a proxy that is not there
    *("--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=http://127.0.0.1:9"),
    "--proxy-bypass-list=<-loopback>",
)


class ChromiumPrinter:
    """h2h.ports.reporting.Printer. `program` None: the one that is on the PATH, if any."""

    def __init__(self, program: str | None = None, limit: float = _LIMIT) -> None:
        self._program = program
        self._limit = limit

    def pdf(self, html: Path, target: Path) -> None:
        """Write `target`, flushed, from the page `html`."""
        program = self._program or next(filter(None, map(shutil.which, _PROGRAMS)), None)
        if program is None:
            raise ConfigError(
                "there is no chromium to print PDF with",
                "Install Debian's package chromium, or take the report as HTML and print that",
            )
        with tempfile.TemporaryDirectory(prefix="h2h-print-") as room:
            page, made = Path(room, "page.html"), Path(room, "page.pdf")
            shutil.copyfile(html, page)
            said = _run(_command(program, Path(room), page, made), Path(room), self._limit)
            if not made.is_file() or not made.read_bytes().startswith(b"%PDF-"):
                raise Transient(f"chromium made no PDF: {said}", "It is tried again, or take HTML")
            durable.write(target, made.read_bytes())


def _command(program: str, room: Path, page: Path, made: Path) -> list[str]:
    own = [f"--user-data-dir={room / 'profile'}", f"--print-to-pdf={made}"]
    # its sandbox needs another user than root; the page has no script in either case
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return [program, *_FLAGS, *sandbox, *own, page.as_uri()]


def _run(command: list[str], room: Path, limit: float) -> str:
    """Run it in a group of its own, which ends with it; returns the last it said."""
    environment = {"PATH": os.defpath, "HOME": str(room), "TMPDIR": str(room), "LANG": "C.UTF-8"}
    process = subprocess.Popen(
        command,
        cwd=room,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _, words = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired as error:
        raise Transient(
            f"chromium did not end within {limit:g} seconds", "Ask for fewer days, or take HTML"
        ) from error
    finally:
        _end(process)
    return words.decode(errors="replace").strip()[-_MOST_WORDS:]


def _end(process: subprocess.Popen[bytes]) -> None:
    """With its helpers, which are of its group; they are gone when it ended by itself."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stderr is not None:
        process.stderr.close()
