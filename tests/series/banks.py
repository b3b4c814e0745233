"""Thirty days of five banks, over the turn of a year, with the slips that banks make.

All of it is made up from a fixed seed, as files that a bank would send. What every account comes to
in the end is told beside them: of a corrected day the correction counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from random import Random
from typing import NamedTuple

from .paper import Dialect, Line, Order, Pay, Sheet, bai2, camt, mt940, pain002

FIRST = date(2026, 12, 10)
DAYS = tuple(FIRST + timedelta(days=n) for n in range(30))
HOLIDAYS = frozenset({date(2026, 12, 25), date(2027, 1, 1)})
WORDS = ("invoice", "order", "rent", "wages", "fee", "refund", "levy", "freight")
PARTIES = ("Globex SA", "Initech BV", "Umbrella plc", "Soylent AG", "Hooli Inc")


class Delivery(NamedTuple):
    """A file that the bank sends. `story` says what is odd about it, "" for a usual one."""

    bank: str
    name: str
    content: str
    story: str = ""


class Truth(NamedTuple):
    """What the ledger must say of an account in the end."""

    closing: Decimal
    statements: int  # end-of-day ones that count, pages each
    superseded: int
    overlaps: int  # flags


@dataclass(frozen=True, slots=True)
class Series:
    """All that one bank sends, in the order of its days; `truth` by account and currency."""

    bank: str
    deliveries: tuple[Delivery, ...]
    truth: Mapping[tuple[str, str], Truth]
    orders: tuple[Order, ...] = ()  # payment files that went to the bank before
    payments: Mapping[str, str] = field(default_factory=dict)  # id -> its state in the end
    files: Mapping[str, str] = field(default_factory=dict)  # message id -> the file's state

    @property
    def accounts(self) -> frozenset[str]:
        return frozenset(account for account, _ in self.truth)


def business(day: date) -> bool:
    return day.weekday() < 5 and day not in HOLIDAYS


@dataclass
class Book:
    """The bank's own book of one account."""

    random: Random
    account: str
    currency: str
    balance: Decimal
    prefix: str
    lines: int = 0

    def amount(self) -> Decimal:
        cents = self.random.choice((-1, 1)) * self.random.randrange(1, 2_000_000)
        return Decimal(cents).scaleb(-2)

    def line(self, day: date, amount: Decimal | None = None, **facts: object) -> Line:
        """A line of some amount, with a reference of the bank's."""
        self.lines += 1
        number = f"{self.prefix}{self.lines:05}"
        plain: dict[str, object] = {
            "amount": self.amount() if amount is None else amount,
            "reference": number,
            "text": f"{self.random.choice(WORDS)} {self.random.randrange(10_000)}",
            "value_date": day,
            "booked": day,
            "party": self.random.choice(PARTIES),
        }
        return Line(**(plain | facts))  # type: ignore[arg-type]  # as filled in

    def some(self, day: date, most: int = 3) -> tuple[Line, ...]:
        return tuple(self.line(day) for _ in range(self.random.randint(1, most)))

    def sheet(self, day: date, lines: Sequence[Line], number: str = "", **facts: object) -> Sheet:
        """The day's statement; the balance goes on from it."""
        plain: dict[str, object] = {
            "account": self.account,
            "currency": self.currency,
            "id": f"{self.prefix}-{day:%Y%m%d}",
            "created": f"{day}T21:15:00",
            "begins": day,
            "ends": day,
            "opening": self.balance,
            "lines": tuple(lines),
            "number": number,
        }
        made = Sheet(**(plain | facts))  # type: ignore[arg-type]  # as filled in
        if not made.interim:
            self.balance = made.closing
        return made


@dataclass
class Post:
    """What a bank has sent."""

    bank: str
    suffix: str = "xml"
    sent: list[Delivery] = field(default_factory=list)

    def send(self, content: str, story: str = "") -> None:
        name = f"{self.bank}-{len(self.sent) + 1:03}.{self.suffix}"
        self.sent.append(Delivery(self.bank, name, content, story))


def orders(account: str, currency: str) -> tuple[Order, ...]:
    """Our payment files: a batch booked as one sum, single ones, one in doubt, one with details."""
    files = {
        "BATCH": (("B1", "100.10"), ("B2", "200.20"), ("B3", "300.30"), ("B4", "400.40")),
        "SINGLE": (("S1", "11.11"), ("S2", "22.22"), ("S3", "33.33"), ("S4", "44.44")),
        "DOUBT": (("D1", "55.55"),),
        "DETAIL": (("T1", "66.66"), ("T2", "77.77")),
    }
    return tuple(
        Order(
            message_id=f"{currency}-{name}",
            batch_id=f"{currency}-{name}-1",
            account=account,
            currency=currency,
            payments=tuple(Pay(f"{currency}-{each}", Decimal(figure)) for each, figure in listed),
            doubt=name == "DOUBT",
        )
        for name, listed in files.items()
    )


def debits(book: Book, day: date) -> tuple[Line, ...]:
    """What the bank books for them on this day."""
    code = book.currency

    def paid(name: str, figure: str, **facts: object) -> Line:
        return book.line(day, Decimal(figure), end_to_end_id=f"{code}-{name}", **facts)

    if day == date(2026, 12, 11):  # B4 was rejected
        batch = {"message_id": f"{code}-BATCH", "batch_id": f"{code}-BATCH-1", "transactions": 3}
        return (book.line(day, Decimal("-600.60"), **batch),)
    if day == date(2026, 12, 14):
        both = (paid("T1", "-66.66"), paid("T2", "-77.77"))
        batch = {"message_id": f"{code}-DETAIL", "batch_id": f"{code}-DETAIL-1", "parts": both}
        return (paid("S2", "-22.22"), book.line(day, Decimal("-144.43"), **batch))
    if day == date(2026, 12, 16):
        return (paid("S1", "-11.11"),)
    if day == date(2026, 12, 18):
        return (paid("D1", "-55.55", message_id=f"{code}-DOUBT"),)
    if day == date(2027, 1, 6):  # three weeks later
        return (paid("S2", "22.22", reason="AC04"),)
    return ()


def reports(post: Post, code: str, version: str = "10") -> None:
    """What the bank reports of them: at three levels, twice, contradictory, without our id."""
    batch, single = f"{code}-BATCH", f"{code}-SINGLE"
    told: list[tuple[str, str, str, str, str, tuple[tuple[str, str, str], ...]]] = [
        ("2026-12-09T11:00:00", batch, "ACTC", "", "", ()),
        ("2026-12-10T07:00:00", batch, "PART", f"{batch}-1", "PART", (("B4", "RJCT", "AC04"),)),
        ("2026-12-10T09:00:00", batch, "", f"{batch}-1", "ACSP", ()),
        ("2026-12-09T11:01:00", single, "ACCP", "", "", ()),
        ("2026-12-10T08:00:00", single, "PART", f"{single}-1", "", (("S3", "RJCT", "AM04"),)),
        ("2026-12-10T12:00:00", single, "", f"{single}-1", "", (("S3", "ACSP", ""),)),
        ("2026-12-10T06:00:00", single, "", f"{single}-1", "", (("S4", "RCVC", ""),)),
        (
            *("2026-12-11T06:00:00", "NOTPROVIDED", "", f"{code}-DETAIL-1", ""),
            (("T1", "ACSC", ""), ("T2", "ACSC", "")),
        ),
    ]
    for number, (created, original, group, name, status, payments) in enumerate(told, 1):
        listed = [(f"{code}-{each}", found, more) for each, found, more in payments]
        text = pain002(f"{code}-R{number}", created, original, group, name, status, listed, version)
        post.send(text, "report")


STATES = {
    **dict.fromkeys(("B1", "B2", "B3", "S1", "D1", "T1", "T2"), "booked"),
    "B4": "rejected",
    "S2": "returned",
    "S3": "rejected",
    "S4": "accepted",
}
FILES = {
    "BATCH": "part_accepted",
    "SINGLE": "part_accepted",
    "DOUBT": "accepted",
    "DETAIL": "accepted",
}


def again(sheet: Sheet, created: str, copy: str = "") -> Sheet:
    """The same statement under another id, made at another time."""
    return replace(sheet, id=f"{sheet.id}-{created[:16]}", created=created, copy=copy)


def rhein() -> Series:
    """camt.053.001.08 with two accounts a file, numbers that begin again in January, and days
    without entries; camt.052 and camt.054 beside. Corrections, the second one of a day in vain."""
    how = Dialect("08", zone="+01:00")
    other = replace(how, status_element=False)  # the bank's other system: a status as text
    euro = Book(Random(1), "DE89370400440532013000", "EUR", Decimal("120000.00"), "RE")
    dollar = Book(Random(2), "DE75512108001245126199", "USD", Decimal("-3100.50"), "RU")
    post = Post("rhein")
    number = 343
    late: dict[date, tuple[str, str]] = {}
    for day in DAYS:
        number = 1 if number > 300 and day.year == 2027 else number + 1
        paid = (*debits(euro, day), *euro.some(day)) if business(day) else ()
        if day == date(2026, 12, 15):  # honest twins
            twin = euro.line(day, Decimal("-49.90"), reference="", text="bus ticket")
            paid = (*paid, twin, twin)
        if business(day) and day.day % 4 == 0:
            expected = tuple(line._replace(status="PDNG", reference="") for line in paid)
            morning = euro.sheet(day, expected, interim=True, created=f"{day}T09:00:00")
            noon = euro.sheet(day, paid[:1], interim=True, created=f"{day}T13:00:00")
            post.send(camt("camt.052", [morning], f"R{day:%m%d}A", morning.created, how), "052")
            post.send(camt("camt.052", [noon], f"R{day:%m%d}B", noon.created, how), "052")
            linked = f"R{day:%m%d}N"
            notice = euro.sheet(day, paid[-1:], interim=True, created=f"{day}T14:00:00")
            post.send(camt("camt.054", [notice], linked, notice.created, other), "054")
            paid = (*paid[:-1], paid[-1]._replace(linked=linked))
        foreign = dollar.some(day, 2) if business(day) and day.day % 2 else ()
        if foreign:
            rate = foreign[0]._replace(instructed=("812.35", "EUR", "1.0854"))
            foreign = (rate, *foreign[1:])
        opening = euro.balance
        lapsed: tuple[Line, ...] = ()  # a line that the bank takes back
        if day == date(2026, 12, 22):
            lapsed = (euro.line(day, Decimal("-44.44"), end_to_end_id="EUR-S4"),)
        first = euro.sheet(day, (*paid, *lapsed), f"{number}")
        pair = [first, dollar.sheet(day, foreign, f"{number}")]
        post.send(camt("camt.053", pair, f"R{day:%m%d}", first.created, how))
        if day in {date(2026, 12, 14), date(2027, 1, 4)}:
            when = f"{day}T23:59:00" if day.year == 2026 else f"{day}T06:00:00"
            copies = [again(sheet, when, copy="DUPL") for sheet in pair]
            post.send(
                camt("camt.053", copies, f"R{day:%m%d}D", when, how), "again, new id and time"
            )
        if day == date(2026, 12, 16):  # another text, the same figures
            words = (paid[0]._replace(text="now with words"), *paid[1:])
            new = replace(first, lines=words, created=f"{day}T23:30:00")
            post.send(camt("camt.053", [new], "R1216C", new.created, how), "correction")
        if day == date(2026, 12, 22):  # a line was missing, then two; the last one is right
            lost, found = euro.line(day, Decimal("77.70")), euro.line(day, Decimal("-12.05"))
            second = replace(first, lines=(*paid, lost), created=f"{day}T22:30:00")
            third = replace(first, lines=(*paid, lost, found), created="2026-12-23T05:00:00")
            euro.balance = third.closing
            late[date(2026, 12, 24)] = (
                camt("camt.053", [again(first, "2026-12-24T08:00:00")], "R1222X", "x", how),
                "the first version again, later than the last",
            )
            post.send(camt("camt.053", [second], "R1222B", second.created, how), "correction")
            post.send(camt("camt.053", [third], "R1222C", third.created, how), "correction")
            assert third.opening == opening
        if day in late:
            content, story = late[day]
            post.send(content.replace(">x+01:00<", f">{day}T08:00:00+01:00<"), story)
    truth = {
        (euro.account, "EUR"): Truth(euro.balance, 30, 3, 0),
        (dollar.account, "USD"): Truth(dollar.balance, 30, 0, 0),
    }
    reports(post, "EUR")
    sent = orders(euro.account, "EUR")
    states = {f"EUR-{name}": state for name, state in STATES.items()}
    files = {f"EUR-{name}": state for name, state in FILES.items()}
    return Series("rhein", tuple(post.sent), truth, sent, states, files)


def alpen() -> Series:
    """camt.053.001.04 of a Swiss bank: days without entries left out, always the same number, a
    statement in pages of their own files, one that covers two days again; BIC for BICFI."""
    how = Dialect("04", bic="BIC", zone="Z", indent=True, extra="CLAV")
    francs = Book(Random(3), "CH9300762011623852957", "CHF", Decimal("5500.05"), "AL")
    post = Post("alpen")
    kept: dict[date, Sheet] = {}
    statements = 0
    for day in filter(business, DAYS):
        if day.day % 5 == 0:  # nothing happened
            continue
        lines = (*debits(francs, day), *francs.some(day))
        if day.day % 6 == 0:
            parts = tuple(francs.line(day, Decimal(n)) for n in (100, 250, 3))
            batch = francs.line(day, Decimal(353), parts=parts, text="collected slips", party="")
            lines = (*lines, batch)
        if day in {date(2026, 12, 17), date(2027, 1, 7)}:
            interim = "ITBD" if day.year == 2026 else ""  # in the new year pages tell none
            pages = (("OPBD", interim, "1"), (interim, interim, "2"), (interim, "CLBD", "3"))
            for opens, closes, page in pages:
                facts = {"opens": opens, "closes": closes, "page": page, "last_page": page == "3"}
                sheet = francs.sheet(day, francs.some(day), "0", **facts)
                statements += 1
                message = f"A{day:%m%d}P{page}"
                bare = how if interim else replace(how, extra="")
                post.send(camt("camt.053", [sheet], message, sheet.created, bare), "page")
            continue
        sheet = kept[day] = francs.sheet(day, lines, "0")
        statements += 1
        post.send(camt("camt.053", [sheet], f"A{day:%m%d}", sheet.created, how))
        if day == date(2026, 12, 22):  # 21 and 22 December once more, in one
            monday = kept[date(2026, 12, 21)]
            both = replace(
                sheet,
                id="AL-WEEK",
                created=f"{day}T23:00:00",
                begins=monday.begins,
                opening=monday.opening,
                lines=monday.lines + sheet.lines,
            )
            post.send(camt("camt.053", [both], "A1222W", both.created, how), "overlap")
        if day in {date(2026, 12, 29), date(2027, 1, 4)}:
            when = f"{day}T{20 + day.month % 2 * 2}:16:00"
            bare = replace(how, period="")
            again_ = camt("camt.053", [again(sheet, when)], f"A{day:%m%d}B", when, bare)
            post.send(again_, "again, new id and no period")
        if day == date(2027, 1, 4):
            words = (lines[0]._replace(text="corrected words"), *lines[1:])
            new = replace(sheet, lines=words, created=f"{day}T21:30:00")
            post.send(camt("camt.053", [new], "A0104C", new.created, how), "correction")
    truth = {(francs.account, "CHF"): Truth(francs.balance, statements + 1, 1, 1)}
    reports(post, "CHF", "03")
    sent = orders(francs.account, "CHF")
    states = {f"CHF-{name}": state for name, state in STATES.items()}
    files = {f"CHF-{name}": state for name, state in FILES.items()}
    return Series("alpen", tuple(post.sent), truth, sent, states, files)


def polder() -> Series:
    """camt.053.001.02 of a Dutch bank: no numbers, no period, the previous closing balance for the
    opening one, two statements a day at times, twins of a whole day's lines; in an envelope."""
    how = Dialect("02", number="", period="", bic="BIC", prefix="ns2", business_message=False)
    guilder = Book(Random(4), "NL91ABNA0417164300", "EUR", Decimal("0.00"), "PO")
    post = Post("polder")
    before = FIRST - timedelta(days=1)
    statements = 0
    for day in filter(business, DAYS):
        lines = guilder.some(day, 4)
        if day.day % 7 == 0:
            twin = guilder.line(day, Decimal("-15.00"), reference="", text="parking", party="")
            lines = (*lines, twin, twin, twin)
        if day == date(2026, 12, 18):  # a return of what is nobody's, and a reversal
            lines = (
                *lines,
                guilder.line(day, Decimal("45.10"), reason="AC04"),
                guilder.line(day, Decimal("-8.88"), reversal=True),
            )
        half = len(lines) // 2 if day.day % 3 == 0 else 0
        for number, some in enumerate((lines[:half], lines[half:]) if half else (lines,), 1):
            when = f"{day}T{12 + number * 4}:00:00"
            sheet = guilder.sheet(day, some, begins=before, opens="PRCD", created=when)
            statements += 1
            message = f"P{day:%m%d}{number}"
            post.send(camt("camt.053", [sheet], message, sheet.created, how))
            before = day
        if day == date(2026, 12, 30):
            when = "2027-01-02T07:00:00"
            late = again(sheet, when)
            post.send(camt("camt.053", [late], "P1230B", when, how), "again, in the new year")
        if day == date(2027, 1, 5):
            words = (some[0]._replace(party="Name put right"), *some[1:])
            new = replace(sheet, lines=words, created="2027-01-06T04:00:00")
            post.send(camt("camt.053", [new], "P0105B", new.created, how), "correction")
    truth = {(guilder.account, "EUR"): Truth(guilder.balance, statements, 1, 0)}
    return Series("polder", tuple(post.sent), truth)


def mersey() -> Series:
    """MT940 in pages (60M, 62M), numbers that begin again in January, several days in one file; no
    time of creation tells two versions apart. MT942 beside."""
    pounds = Book(Random(5), "GB29NWBK60161331926819", "GBP", Decimal("-250.75"), "ME")
    post = Post("mersey", "sta")
    number, statements = 247, 0
    waiting: list[Sheet] = []
    for day in filter(business, DAYS):
        number = 1 if number > 200 and day.year == 2027 else number + 1
        if day.day % 8 == 0:
            noon = pounds.sheet(day, pounds.some(day, 2), f"{number}", interim=True)
            post.send(mt940([noon]), "942")
        if day.day % 3 == 0:
            pages = [("OPBD", "ITBD", "1"), ("ITBD", "ITBD", "2"), ("ITBD", "CLBD", "3")]
            for opens, closes, page in pages:
                facts = {"opens": opens, "closes": closes, "page": page}
                sheet = pounds.sheet(day, pounds.some(day, 2), f"{number:05}", **facts)
                waiting.append(sheet)
        else:
            lines = pounds.some(day)
            if day.day % 4 == 0:
                twin = pounds.line(day, Decimal("-3.20"), reference="", text="tube")
                lines = (*lines, twin, twin)
            waiting.append(pounds.sheet(day, lines, f"{number:05}", page="1"))
        if day.weekday() in {1, 4} or day == DAYS[-1]:
            post.send(mt940(waiting))
            statements += len(waiting)
            if day == date(2026, 12, 15):  # the page in the middle again
                post.send(mt940([replace(waiting[1], id="ANEW")]), "page again, new id")
            if day == date(2026, 12, 29):
                last = waiting[-1]
                words = (last.lines[0]._replace(text="other words"), *last.lines[1:])
                post.send(mt940([replace(last, lines=words, id="MEND")]), "correction")
            waiting = []
    truth = {(pounds.account, "GBP"): Truth(pounds.balance, statements, 1, 0)}
    return Series("mersey", tuple(post.sent), truth)


def harbor() -> Series:
    """BAI2 with two accounts a group, no numbers, and days without entries sent; the day before
    told again beside the new one, a correction, and interim reports."""
    checking = Book(Random(6), "4400123456", "USD", Decimal("88000.00"), "HA")
    wages = Book(Random(7), "4400999999", "USD", Decimal("10.00"), "HW")
    post = Post("harbor", "bai")
    yesterday: list[Sheet] = []
    for number, day in enumerate((day for day in DAYS if day.weekday() < 5), 1):
        morning = f"{day + timedelta(days=1)}T06:00"
        lines = checking.some(day) if business(day) and day.day % 4 else ()
        if day.day % 10 == 0:
            noon = checking.sheet(day, checking.some(day, 1), interim=True)
            post.send(bai2([noon], f"{number}9", f"{day}T12:30"), "interim")
        pair = [
            checking.sheet(day, lines),
            wages.sheet(day, wages.some(day, 2) if day.day % 5 == 0 else ()),
        ]
        told = [*yesterday, *pair] if day.day % 6 == 0 else pair
        post.send(bai2(told, f"{number}", morning), "the day before again" if told != pair else "")
        yesterday = pair
        if day == date(2026, 12, 23):
            more = checking.line(day, Decimal("-0.99"), text="a line found later")
            new = replace(pair[0], lines=(*pair[0].lines, more))
            checking.balance = new.closing
            post.send(bai2([new], f"{number}5", f"{day + timedelta(days=1)}T11:00"), "correction")
            yesterday = [new, pair[1]]
    truth = {
        (checking.account, "USD"): Truth(checking.balance, number, 1, 0),
        (wages.account, "USD"): Truth(wages.balance, number, 0, 0),
    }
    return Series("harbor", tuple(post.sent), truth)


BANKS: Mapping[str, Callable[[], Series]] = {
    "rhein": rhein,
    "alpen": alpen,
    "polder": polder,
    "mersey": mersey,
    "harbor": harbor,
}


@cache
def all_series() -> tuple[Series, ...]:
    return tuple(make() for make in BANKS.values())


def deliveries() -> Iterator[Delivery]:
    """Of all banks."""
    for series in all_series():
        yield from series.deliveries
