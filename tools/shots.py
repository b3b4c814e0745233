"""Screenshots of every page of the console, for the eye: `make shots` puts them into build/shots/.

Three workspaces (empty, an ordinary day, a bad day), light and dark, 1280 and 390 pixels wide,
English and Chinese. Names of workspaces, pages, schemes, widths or languages narrow the choice:
`tools/shots.py bad today 390`.
"""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch
from xml.sax.saxutils import escape

from argon2 import PasswordHasher
from playwright.sync_api import Browser, sync_playwright
from uvicorn import Config as ServerConfig
from uvicorn import Server

from h2h.config import load
from h2h.console.app import application
from h2h.core.retention import Hold
from h2h.core.states import In, Out
from h2h.flows.consent import remember_config
from h2h.flows.inbound import sweep_inbound
from h2h.flows.sweep import Sweep
from h2h.flows.waves import sweep_outbound
from h2h.ports import File, RemoteFile, Services, Wish
from h2h.wiring import wire

SHOTS = Path(__file__).resolve().parent.parent / "build" / "shots"
PASSWORD = "correct horse battery staple"  # noqa: S105 - of a workspace that lasts a minute
NOW = datetime(2026, 11, 23, 9, 31, 7, tzinfo=UTC)
BANKS = {
    "acme": (("DE89370400440532013000", "EUR"), ("DE02120300000000202051", "USD")),
    "globex": (("FR1420041010050500013M02606", "EUR"), ("GB33BUKB20201555555555", "JPY")),
    "initech": (("NL91ABNA0417164300", "EUR"), ("KW81CBKU0000000000001234560101", "KWD")),
}
POLICY = '[[policies]]\nname = "large"\napprovals = 2\nabove = "10000"\namounts_in = "EUR"\n'
LONG = "Gesellschaft für die Verwaltung von Angelegenheiten " * 8
RIGHT_TO_LEFT = "شركة الخليج للتجارة والمقاولات (فرع الكويت) <b>12</b>"
HUGE = "987654321098765.43"


@dataclass
class Clock:
    """The present moment of a workspace."""

    moment: datetime = NOW

    def now(self) -> datetime:
        """As the flows ask for it."""
        return self.moment


class Quiet:
    """A log that nobody reads."""

    def event(self, event: str, /, **facts: str | int | None) -> None:
        """Nothing."""


@dataclass
class Scene:
    """A workspace that is filled as by an ERP and its banks."""

    root: Path
    services: Services
    clock: Clock
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def sweep(self) -> None:
        """One pass, as the daemon makes it."""
        with Sweep(self.services) as sweep:
            sweep_outbound(sweep)
            sweep_inbound(sweep, list(BANKS))

    def drop(self, name: str, *payments: tuple[str, str, str], bank: str = "acme") -> File:
        """A payment file of (creditor, amount, remittance)."""
        content = payment_file(f"RUN-{next(self.numbers):04}", payments, *BANKS[bank][0])
        (self.root / "outbox" / bank / name).write_bytes(content)
        self.sweep()
        self.clock.moment += timedelta(minutes=2)
        return self.services.ledger.search_files(Wish(direction="out")).rows[0]

    def answer(self, file: File, status: str, reason: str = "") -> None:
        """The bank's status report on a file."""
        why = f"<StsRsnInf><Rsn><Cd>{reason}</Cd></Rsn></StsRsnInf>" if reason else ""
        number = next(self.numbers)
        self.arrive(
            file.bank or "",
            f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"><CstmrPmtStsRpt>'
            f"<GrpHdr><MsgId>R-{number}</MsgId><CreDtTm>{self.clock.moment:%Y-%m-%dT%H:%M:%S}"
            f"</CreDtTm></GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>{file.message_id}</OrgnlMsgId>"
            f"<OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId><GrpSts>{status}</GrpSts>{why}"
            "</OrgnlGrpInfAndSts></CstmrPmtStsRpt></Document>",
        )

    def arrive(self, bank: str, content: str) -> None:
        """A file at the bank, which is fetched."""
        self.leave(bank, content)
        self.sweep()

    def leave(self, bank: str, content: str) -> None:
        """A file at the bank that nobody has fetched yet."""
        (self.root / bank / "out" / f"in-{next(self.numbers):05}.xml").write_text(content)

    def doubt(self, file: File) -> None:
        """A delivery that was announced and never answered."""
        ledger, now = self.services.ledger, self.clock.moment
        for target in (Out.APPROVED, Out.SEALED, Out.STAGED, Out.DELIVERING, Out.IN_DOUBT):
            if target is Out.STAGED:
                name: Callable[[int], str] = "ACME_{:04}.xml".format
                file = ledger.reserve(file, name, "in", now, gap_free=False) or file
            because = "connection lost after RENAME" if target is Out.IN_DOUBT else ""
            file = ledger.move(file, target, now, because=because) or file

    def old(self, name: str) -> None:
        """A bank file that is past its time."""
        ledger, then = self.services.ledger, self.clock.moment.replace(year=2015)
        there = RemoteFile(name, 1, 1)
        file = ledger.fetched("20151123-080000-000001", "globex", 0, "out", there, "", 1, then)
        file = ledger.move(file, In.QUARANTINED, then, because="unreadable") or file
        ledger.remote_done(file)
        ledger.recorded(file, file.last_move)

    def statements(self, bank: str, account: int, days: Sequence[date], opening: str) -> None:
        """One statement a day, with a few lines each."""
        iban, currency = BANKS[bank][account]
        unit = Decimal(1).scaleb(-{"JPY": 0, "KWD": 3}.get(currency, 2))
        balance = Decimal(opening)
        for number, day in enumerate(days, 1):
            lines = [
                (Decimal(number * 1_713 + place * 97) * unit * 100) * (-1 if place % 3 else 2)
                for place in range(1, 5)
            ]
            closing = balance + sum(lines)
            self.leave(bank, statement(iban, currency, number, day, balance, closing, lines))
            balance = closing
        self.sweep()


def empty(scene: Scene) -> None:
    """A new workspace: nothing but operators."""


def ordinary(scene: Scene) -> None:
    """An ordinary day: files that went and were accepted, statements, one decision that waits."""
    days = working_days(date(2026, 11, 20), 30)
    for bank, opening in (("acme", "1248902.10"), ("globex", "310447.00"), ("initech", "88120.55")):
        scene.statements(bank, 0, days, opening)
    scene.statements("acme", 1, days[-9:], "92180.55")
    suppliers = ("Lieferant Eins GmbH", "Vermeer Papier B.V.", "Initech Services N.V.")
    for number in range(1, 9):
        lines = [
            (suppliers[(number + n) % 3], f"{number * 311 + n * 17}.45", f"INV-2026-{number}{n:02}")
            for n in range(1, 1 + number % 5)
        ] or [("Stadtwerke", "990.00", "November")]
        file = scene.drop(f"payrun_1123_{number}.xml", *lines, bank=list(BANKS)[number % 3])
        scene.answer(file, "ACSP" if number != 5 else "RJCT", "" if number != 5 else "AC04")
    scene.drop("payrun_large.xml", ("Lieferant Eins GmbH", "48210.00", "INV-2026-0101"))
    rent = scene.drop("rent.xml", ("Ländliche Immobilien", "12000.00", "Rent"), bank="globex")
    ledger, now = scene.services.ledger, scene.clock.moment
    asked = ledger.asked_of(rent.id)
    if asked is not None:
        ledger.approve(rent, asked.content, asked.terms, "eve", "the lease", now)
    hold = Hold(0, "", "DE89370400440532013000", None, date(2019, 12, 31), "otto", "case 17")
    ledger.hold(hold, now)


def bad(scene: Scene) -> None:
    """A bad day: in doubt, paused, missing, held, and all that is long, large or foreign."""
    ordinary(scene)
    ledger = scene.services.ledger
    scene.statements("globex", 1, working_days(date(2026, 11, 17), 4), "987654321012345")
    scene.statements("initech", 1, working_days(date(2026, 11, 19), 3), "123456789012345.678")
    scene.doubt(scene.drop("in_doubt.xml", ("Lieferant Eins GmbH", "48210.00", "INV-2026-0102")))
    (doubtful,) = ledger.search_files(Wish(state="in_doubt")).rows
    ledger.note(doubtful, "it did not arrive: they searched twice", "otto", scene.clock.moment)
    ledger.propose_unhold(1, "ben", "case 17 is settled", scene.clock.moment)
    scene.old("past-its-time.xml")
    scene.drop("long.xml", (LONG[:140], "18.00", LONG[:140]), (RIGHT_TO_LEFT, "17.20", "دفعة ١٢"))
    scene.drop("huge.xml", (RIGHT_TO_LEFT, HUGE, "one of eighteen digits"))
    scene.drop(f"{'a_very_long_name_of_a_file_' * 7}.xml", ("Globex", "17.00", "x"))
    (scene.root / "outbox" / "acme" / "broken.xml").write_bytes(
        payment_file("RUN-9999", [("Nobody", "1.00", "x")], "DE00370400440532013000", "EUR")
    )
    scene.sweep()
    scene.arrive("globex", "<Document>this is no statement</Document>")
    gap = statement(BANKS["acme"][0][0], "EUR", 99, date(2026, 11, 23), Decimal(1), Decimal(1), [])
    scene.arrive("acme", gap)
    long = f"unknown beneficiaries in three files, see the mail of Monday; {LONG[:180]}"
    ledger.pause("globex", "otto", long, scene.clock.moment)
    ledger.propose("role", "otto", "ann", "covers for eve", scene.clock.moment, roles=["operator"])


SCENES = {"empty": empty, "ordinary": ordinary, "bad": bad}


# ------------------------------------------------------------------------------------------- files


def working_days(last: date, number: int) -> list[date]:
    """So many weekdays until `last`."""
    days = (last - timedelta(days=n) for n in range(2 * number + 7))
    return sorted([day for day in days if day.weekday() < 5][:number])


def payment_file(
    name: str, payments: Sequence[tuple[str, str, str]], iban: str, currency: str
) -> bytes:
    """A pain.001 of (creditor, amount, remittance)."""
    total = sum((Decimal(amount) for _, amount, _ in payments), Decimal(0))
    sums = f"<NbOfTxs>{len(payments)}</NbOfTxs><CtrlSum>{total}</CtrlSum>"
    lines = "".join(
        f"<CdtTrfTxInf><PmtId><EndToEndId>{name}-{n}</EndToEndId></PmtId><Amt>"
        f'<InstdAmt Ccy="{currency}">{amount}</InstdAmt></Amt><Cdtr><Nm>{escape(creditor[:140])}'
        "</Nm></Cdtr><CdtrAcct><Id><IBAN>NL30MOCK0000000005</IBAN></Id></CdtrAcct>"
        f"<RmtInf><Ustrd>{escape(remittance[:140])}</Ustrd></RmtInf></CdtTrfTxInf>"
        for n, (creditor, amount, remittance) in enumerate(payments, 1)
    )
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"><CstmrCdtTrfInitn>'
        f"<GrpHdr><MsgId>{name}</MsgId><CreDtTm>2026-11-23T09:00:00</CreDtTm>{sums}"
        f"<InitgPty><Nm>Acme GmbH</Nm></InitgPty></GrpHdr><PmtInf><PmtInfId>{name}-B</PmtInfId>"
        f"<PmtMtd>TRF</PmtMtd>{sums}<ReqdExctnDt><Dt>2026-11-25</Dt></ReqdExctnDt>"
        f"<Dbtr><Nm>Acme GmbH</Nm></Dbtr><DbtrAcct><Id><IBAN>{iban}</IBAN></Id></DbtrAcct>"
        "<DbtrAgt><FinInstnId><BICFI>COBADEFFXXX</BICFI></FinInstnId></DbtrAgt>"
        f"{lines}</PmtInf></CstmrCdtTrfInitn></Document>"
    ).encode()


def statement(
    iban: str,
    currency: str,
    number: int,
    day: date,
    opening: Decimal,
    closing: Decimal,
    amounts: Sequence[Decimal],
) -> str:
    """A camt.053 of one day."""

    def signed(amount: Decimal) -> str:
        mark = "DBIT" if amount < 0 else "CRDT"
        return f'<Amt Ccy="{currency}">{abs(amount)}</Amt><CdtDbtInd>{mark}</CdtDbtInd>'

    balances = "".join(
        f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>{signed(amount)}"
        f"<Dt><Dt>{day}</Dt></Dt></Bal>"
        for kind, amount in (("OPBD", opening), ("CLBD", closing))
    )
    entries = "".join(
        f"<Ntry>{signed(amount)}<Sts>BOOK</Sts><BookgDt><Dt>{day}</Dt></BookgDt>"
        f"<ValDt><Dt>{day}</Dt></ValDt><AcctSvcrRef>REF{number:03}{place}</AcctSvcrRef>"
        "<BkTxCd><Prtry><Cd>NTRF</Cd></Prtry></BkTxCd><NtryDtls><TxDtls><Refs>"
        f"<EndToEndId>INV-2026-{number:03}{place}</EndToEndId></Refs><RltdPties><Dbtr><Nm>"
        f"Kunde {place} &amp; Söhne</Nm></Dbtr><Cdtr><Nm>{escape(creditor)}</Nm></Cdtr></RltdPties>"
        f"<RmtInf><Ustrd>Invoice {number}/{place}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
        for place, amount in enumerate(amounts, 1)
        for creditor in [RIGHT_TO_LEFT if place == 2 else "Vermeer Papier B.V."]
    )
    made = f"{day}T20:00:00"
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><GrpHdr>'
        f"<MsgId>S{number}-{iban[:6]}</MsgId><CreDtTm>{made}</CreDtTm></GrpHdr><Stmt>"
        f"<Id>S{number}-{iban[:6]}</Id><ElctrncSeqNb>{number}</ElctrncSeqNb><CreDtTm>{made}"
        f"</CreDtTm><Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>{currency}</Ccy></Acct>"
        f"{balances}{entries}</Stmt></BkToCstmrStmt></Document>"
    )


def config() -> str:
    """Three banks, each a folder."""
    parts = ['[h2h]\nenvironment = "test"\n']
    for name, accounts in BANKS.items():
        parts.append(
            f'[banks.{name}]\ncalendar = "ECB"\nzone = "Europe/Berlin"\n'
            'cut_offs = [{ time = "15:40" }]\n'
            f'[banks.{name}.folder]\nroot = "{name}"\n'
            'upload = { folder = "in", temporary = "{name}.{attempt}.tmp", publish = "rename" }\n'
            'download = [{ folder = "out", pattern = "*.xml", kind = "message", after = "delete" '
            f'}}]\n[banks.{name}.door]\nsettle = 0\n[banks.{name}.pgp]\nseal = "none"\n'
        )
        parts += [
            f'[[banks.{name}.accounts]]\niban = "{iban}"\ncurrency = "{currency}"\n'
            'entity = "Acme GmbH"\nstatements = "business-days"\nstatement_by = "08:00"\n'
            for iban, currency in accounts
        ]
    return "\n".join([*parts, POLICY, "[[retention]]\nyears = 6\n"])


# ------------------------------------------------------------------------------------------- shots


@contextmanager
def workspace(fill: Callable[[Scene], None]) -> Iterator[Scene]:
    """A workspace in a folder of its own, filled, with one operator who has every role."""
    with TemporaryDirectory(prefix="h2h-shots-") as folder:
        root = Path(folder)
        (root / "config.toml").write_text(config())
        for bank in BANKS:
            (root / bank / "in").mkdir(parents=True)
            (root / bank / "out").mkdir()
        cheap = partial(PasswordHasher, 1, 8, 1)
        with (
            patch("argon2.PasswordHasher", cheap),
            wire(load(root / "config.toml"), Quiet(), clock := Clock()) as services,
        ):
            scene = Scene(root, services, clock)
            staff(services, clock.moment)
            scene.sweep()
            fill(scene)
            yield scene


def staff(services: Services, now: datetime) -> None:
    """Two admins who may do everything, and some others."""
    remember_config(services)
    everything = ["admin", "approver", "operator", "payroll", "viewer"]
    for name in ("ann", "ben"):
        services.ledger.enrol(name, "", everything, "", "os:owner", "first admin", now)
        services.ledger.set_password(name, PASSWORD, now)
    for name, role in (("otto", "operator"), ("eve", "approver"), ("vera", "viewer")):
        change = services.ledger.propose("add", name, "ann", "new here", now, roles=[role])
        services.ledger.decide(change.id, "ben", "known", now, confirmed=True)


@contextmanager
def served(services: Services) -> Iterator[str]:
    """The console of the workspace, from a thread: its address."""
    server = Server(ServerConfig(application(services), port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def addresses(scene: Scene) -> dict[str, str]:
    """The pages by name, as far as the workspace has something to show on them."""
    ledger = scene.services.ledger
    found = {
        "today": "/",
        "files": "/files",
        "payments": "/payments",
        "accounts": "/accounts",
        "archive": "/archive?text=payrun",
        "verification": "/archive/verification",
        "log": "/log?access=yes",
        "operators": "/operators",
        "retention": "/archive/retention",
        "sessions": "/sessions",
        "password": "/password",
        "second-factor": "/second-factor",
        "refused": "/log?since=never",
    }
    iban, currency = BANKS["acme"][0]
    found["account"] = f"/accounts/one?bank=acme&account={iban}&currency={currency}"
    for state in ("accepted", "awaiting_approval", "in_doubt", "invalid", "held", "quarantined"):
        for file in ledger.search_files(Wish(state=state)).rows[:1]:
            found[f"file-{state}"] = f"/files/{file.id}"
    for file in ledger.search_files(Wish(text="long.xml")).rows[:1]:
        found["file-long"] = f"/files/{file.id}"
        found["payment-long"] = f"/files/{file.id}/payments/2"
    for file in ledger.search_files(Wish(state="accepted")).rows[:1]:
        found["payment"] = f"/files/{file.id}/payments/1"
    return found


def shoot(browser: Browser, name: str, scene: Scene, address: str, wanted: set[str]) -> None:
    """Every page of one workspace in every form that is wanted."""

    def chosen(*choices: str) -> list[str]:
        return [each for each in choices if each in wanted] or list(choices)

    forms = [
        (scheme, width, language)
        for scheme in chosen("light", "dark")
        for width in chosen("1280", "390")
        for language in chosen("en", "zh")
    ]
    pages = addresses(scene)
    for scheme, width, language in forms:
        context = browser.new_context(
            color_scheme="dark" if scheme == "dark" else "light",
            viewport={"width": int(width), "height": 900},
            locale="zh-CN" if language == "zh" else "en-GB",
        )
        page = context.new_page()
        page.goto(address)
        if "sign-in" in wanted or wanted.isdisjoint(pages):
            page.screenshot(path=place(name, "sign-in", scheme, width, language), full_page=True)
        page.locator("#name").fill("ann")
        page.locator("#password").fill(PASSWORD)
        page.locator(".sheet button").click()
        for each in chosen(*pages):
            page.goto(f"{address}{pages[each]}")
            page.screenshot(path=place(name, each, scheme, width, language), full_page=True)
        context.close()


def place(*names: str) -> Path:
    """Where a screenshot goes."""
    return SHOTS / names[0] / f"{'-'.join(names[1:])}.png"


def main() -> None:
    """All, or what the arguments name."""
    wanted = set(sys.argv[1:])
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is not here: make setup-test")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, fill in SCENES.items():
            if name in wanted or wanted.isdisjoint(SCENES):
                with workspace(fill) as scene, served(scene.services) as address:
                    shoot(browser, name, scene, address, wanted)
        browser.close()
    sys.stdout.write(f"{SHOTS}\n")


if __name__ == "__main__":
    main()
