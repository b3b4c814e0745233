"""Files made to exhaust or deceive whoever reads them: each is refused at once, and within bounds.

They are judged in a process of its own, which dies when an attack costs more than a second of
processor time, and tells how much memory it took at most.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any, Protocol

import pytest

from h2h import resources
from h2h.config import load
from h2h.errors import ConfigError
from h2h.wiring import wire

MB = 1 << 20
OURS = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
DECLARED = b'<?xml version="1.0" encoding="UTF-8"?>'
ROOT = f'<Document xmlns="{OURS}">'.encode()
HEADER = (
    b"<CstmrCdtTrfInitn><GrpHdr><MsgId>M</MsgId><CreDtTm>2026-11-20T10:00:00</CreDtTm>"
    b"<NbOfTxs>1</NbOfTxs><InitgPty><Nm>A</Nm></InitgPty></GrpHdr>"
)
BATCH = (
    b"<PmtInf><PmtInfId>B</PmtInfId><PmtMtd>TRF</PmtMtd>"
    b"<ReqdExctnDt><Dt>2026-12-01</Dt></ReqdExctnDt><Dbtr><Nm>A</Nm></Dbtr>"
    b"<DbtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></DbtrAcct>"
    b"<DbtrAgt><FinInstnId><BICFI>COBADEFFXXX</BICFI></FinInstnId></DbtrAgt>"
)
PAYMENT = (
    b"<CdtTrfTxInf><PmtId><EndToEndId>E</EndToEndId></PmtId>"
    b'<Amt><InstdAmt Ccy="EUR">1.00</InstdAmt></Amt><Cdtr><Nm>N</Nm></Cdtr>'
    b"<CdtrAcct><Id><IBAN>FR1420041010050500013M02606</IBAN></Id></CdtrAcct></CdtTrfTxInf>"
)
TAIL = b"</PmtInf></CstmrCdtTrfInitn></Document>"
BEFORE = DECLARED + ROOT + HEADER + BATCH
GOOD = BEFORE + PAYMENT + TAIL

CHILD = """
    import json, re, signal, sys
    from datetime import date
    from pathlib import Path
    from h2h.adapters.messages.iso20022.check import check
    from h2h.core.terms import CheckTerms

    def judged(path):
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        signal.setitimer(signal.ITIMER_PROF, 1.0)  # a second of processor time, then death
        verdict = check(Path(path), CheckTerms(), date(2026, 11, 23))
        signal.setitimer(signal.ITIMER_PROF, 0)
        status = Path("/proc/self/status").read_text()
        return {
            "valid": verdict.valid,
            "rules": [problem.rule for problem in verdict.problems],
            "words": " | ".join(problem.message for problem in verdict.problems),
            "sums": {name: str(value) for name, value in verdict.control_sum.items()},
            "megabytes": int(re.search(r"VmHWM:\\s*(\\d+)", status)[1]) >> 10,
        }

    warm = Path(sys.argv[1])  # what is imported once does not count
    check(warm, CheckTerms(), date(2026, 11, 23))
    for line in sys.stdin:
        print(json.dumps(judged(line.rstrip("\\n"))), flush=True)
"""

Judged = dict[str, Any]  # what the child tells, in JSON


class Child:
    """The process that judges; a new one when the last was killed or has grown."""

    def __init__(self, warm: Path) -> None:
        self._warm = warm
        self._process: subprocess.Popen[str] | None = None

    def __call__(self, path: Path) -> Judged:
        """The verdict on a file. Fails when the child died of it."""
        if self._process is None:
            command = [sys.executable, "-c", dedent(CHILD), str(self._warm)]
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            code = self._process.wait()
            self.end()
            pytest.fail(f"the child that judged {path.name} died (exit code {code})")
        told: Judged = json.loads(answer)
        if told["megabytes"] > 50:
            self.end()
        return told

    def end(self) -> None:
        if self._process is not None:
            self._process.communicate()
            self._process = None


@pytest.fixture(scope="module")
def child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    warm = tmp_path_factory.mktemp("child") / "warm.xml"
    warm.write_bytes(GOOD.replace(b"TRF", b"XXX"))
    started = Child(warm)
    yield started
    started.end()


class Attack(Protocol):
    """Judges a file made of pieces, within the bounds."""

    def __call__(self, *pieces: bytes | Iterable[bytes]) -> Judged: ...


@pytest.fixture
def attack(child: Child, tmp_path: Path) -> Attack:
    def judge(*pieces: bytes | Iterable[bytes]) -> Judged:
        path = tmp_path / "attack.xml"
        with path.open("wb") as file:
            for piece in pieces:
                file.writelines([piece] if isinstance(piece, bytes) else piece)
        told = child(path)
        path.unlink()
        assert told["megabytes"] <= 100
        return told

    return judge


def flood(unit: bytes, size: int = 200 * MB) -> Iterator[bytes]:
    """A unit over and over, `size` bytes at least."""
    piece = unit * (MB // len(unit) + 1)
    for _ in range(size // MB + 1):
        yield piece


def numbered(unit: bytes, count: int) -> Iterator[bytes]:
    for start in range(0, count, 10_000):
        yield b"".join(unit % number for number in range(start, start + 10_000))


# ------------------------------------------------------------------------------ what is without end


@pytest.mark.parametrize(
    ("begin", "unit", "end"),
    [
        (b"<!--", b"x", b"-->"),
        (b"", b"<!-- x -->", b""),
        (b"<?x ", b"x", b"?>"),
        (b"", b" ", b""),
        (b"<?xml version='1.0'", b" ", b"?>"),
    ],
)
def test_a_message_that_does_not_begin_is_refused(
    attack: Attack, begin: bytes, unit: bytes, end: bytes
) -> None:
    told = attack(begin, flood(unit), end, GOOD.removeprefix(DECLARED))
    assert told["rules"] == ["xml"]
    assert "no element in its first 65536 bytes" in told["words"]


VALUE = PAYMENT.replace(b"<Nm>N", b"<Nm>").partition(b"</Nm>")


@pytest.mark.parametrize(
    ("begin", "unit", "end"),
    [
        (VALUE[0], b"x", b"</Nm>"),
        (VALUE[0], "中".encode(), b"</Nm>"),
        (VALUE[0], b"&amp;", b"</Nm>"),
        (VALUE[0], b"&unknown;", b"</Nm>"),
        (VALUE[0] + b"&", b"x", b";</Nm>"),
        (VALUE[0] + b"<![CDATA[", b"]]", b"]]></Nm>"),
        (VALUE[0] + b"<!--", b"x", b"--></Nm>"),
        (PAYMENT, b" \n", PAYMENT),
        (PAYMENT, b"\0", PAYMENT),
        (PAYMENT + b"<!--", b"x", b"-->" + PAYMENT),
        (PAYMENT + b"<?x ", b"x", b"?>" + PAYMENT),
        (b"<", b"x", b">"),
        (b"<CdtTrfTxInf", b" ", b">"),
        (b"<CdtTrfTxInf a='", b"x", b"'>"),
        (PAYMENT[:-1], b" ", b">"),
    ],
)
def test_a_text_or_tag_without_end_is_refused(
    attack: Attack, begin: bytes, unit: bytes, end: bytes
) -> None:
    told = attack(BEFORE, begin, flood(unit), end, TAIL)
    assert told["rules"] == ["xml"]
    assert "a text or tag of more than 32768 bytes" in told["words"]


def test_a_value_of_ten_megabytes_is_refused(attack: Attack) -> None:
    told = attack(GOOD.replace(b"<Nm>N", b"<Nm>" + b"x" * (10 * MB)))
    assert told["rules"] == ["xml"]


@pytest.mark.parametrize("unit", [b' a%d="1"', b' xmlns:a%d="urn:x"', b' a="%d"'])
def test_a_million_attributes_are_refused(attack: Attack, unit: bytes) -> None:
    root = attack(DECLARED, ROOT[:-1], numbered(unit, 10**6), b">", HEADER, BATCH, PAYMENT, TAIL)
    assert root["rules"] == ["xml"]
    payment = attack(BEFORE, b"<CdtTrfTxInf", numbered(unit, 10**6), PAYMENT[12:], TAIL)
    assert payment["rules"] == ["xml"]


def test_as_many_attributes_as_a_tag_may_hold_are_refused_by_the_schema(attack: Attack) -> None:
    attributes = b"".join(b' a%d="1"' % number for number in range(3000))
    told = attack(GOOD.replace(b"<CdtTrfTxInf", b"<CdtTrfTxInf" + attributes))
    assert {*told["rules"]} == {"schema"}


@pytest.mark.parametrize("tag", [b"<a>", b"<CdtTrfTxInf>", b"<PmtInf>", b"<a xmlns='urn:x'>"])
def test_ten_million_nested_elements_are_refused(attack: Attack, tag: bytes) -> None:
    told = attack(BEFORE, flood(tag, 10**7 * len(tag)))
    assert told["rules"] == ["xml"]
    assert "depth" in told["words"]


@pytest.mark.parametrize(
    ("begin", "unit"),
    [
        (DECLARED + ROOT, b"<a/>"),
        (DECLARED + ROOT + HEADER, b"<a/>"),
        (DECLARED + ROOT + b"<CstmrCdtTrfInitn><GrpHdr>", b"<MsgId>x</MsgId>"),
        (DECLARED + ROOT + HEADER + b"<PmtInf>", b"<a b='c'/>"),
        (BEFORE + b"<CdtTrfTxInf>", b"<a/>"),
        (BEFORE + PAYMENT[: -len(b"</CdtTrfTxInf>")] + b"<RmtInf>", b"<Ustrd>x</Ustrd>"),
        (BEFORE + PAYMENT, b"<!-- < -->"),
        (BEFORE + PAYMENT + b"<!-- ", b"<"),
        (BEFORE + PAYMENT + b"<![CDATA[", b"<CdtTrfTxInf></CdtTrfTxInf>"),
    ],
)
def test_a_payment_or_what_is_none_without_end_is_refused(
    attack: Attack, begin: bytes, unit: bytes
) -> None:
    told = attack(begin, flood(unit))
    assert told["rules"] == ["xml"]
    assert "of more than 1048576 bytes" in told["words"]


def test_ten_million_names_are_refused(attack: Attack) -> None:
    told = attack(BEFORE, b"<CdtTrfTxInf>", numbered(b"<a%d/>", 10**6))
    assert told["rules"] == ["xml"]


@pytest.mark.parametrize("unit", [b"<CdtTrfTxInf/>", b"<CdtTrfTxInf></CdtTrfTxInf><x/>"])
def test_of_a_flood_of_complaints_a_hundred_are_kept(attack: Attack, unit: bytes) -> None:
    told = attack(BEFORE, unit * 4000, TAIL)
    assert {*told["rules"]} >= {"schema", "number-of-transactions"}
    assert len(told["rules"]) == 100


@pytest.mark.parametrize("size", [20_000, 60_000, 250_000])
def test_blanks_in_a_tag_are_looked_at_once(attack: Attack, size: int) -> None:
    spread = PAYMENT.replace(b"<Nm", b"<Nm" + b" " * size)
    told = attack(BEFORE, PAYMENT, spread, spread, spread, TAIL)
    assert {*told["rules"]} & {"xml", "number-of-transactions"}


def test_payments_that_are_all_written_otherwise_are_read_all_the_same(attack: Attack) -> None:
    others = (PAYMENT.replace(b"<Cdtr>", b" " * number + b"<Cdtr>") for number in range(600))
    told = attack(BEFORE, others, TAIL)
    assert told["sums"] == {"EUR": "600.00"}


# ----------------------------------------------------------------------------------------- doctypes

LAUGHS = b"".join(
    b"<!ENTITY l%d '%s'>" % (number + 1, b"&l%d;" % number * 10) for number in range(9)
)
DOCTYPES = {
    "a billion laughs": b"<!DOCTYPE Document [<!ENTITY l0 'lol'>" + LAUGHS + b"]>",
    "one long entity, often": b"<!DOCTYPE Document [<!ENTITY l9 '" + b"x" * 60_000 + b"'>]>",
    "a file": b'<!DOCTYPE Document [<!ENTITY l9 SYSTEM "file:///etc/passwd">]>',
    "a server": b'<!DOCTYPE Document [<!ENTITY l9 SYSTEM "http://127.0.0.1:9/x">]>',
    "a definition elsewhere": b'<!DOCTYPE Document SYSTEM "http://127.0.0.1:9/x.dtd">',
    "a public one": b'<!DOCTYPE Document PUBLIC "-//X//Y" "file:///etc/hostname">',
    "a parameter entity": (
        b'<!DOCTYPE Document [<!ENTITY % p SYSTEM "file:///etc/hostname"> %p; <!ENTITY l9 "1">]>'
    ),
    "a default attribute": b"<!DOCTYPE Document [<!ATTLIST InstdAmt Ccy CDATA 'USD'>]>",
}


@pytest.mark.parametrize("doctype", DOCTYPES)
def test_a_doctype_ends_the_reading(attack: Attack, doctype: str) -> None:
    values = GOOD.replace(b"<Nm>N", b"<Nm>&l9;" + b"&l9;" * 1000)
    told = attack(values.replace(ROOT, DOCTYPES[doctype] + ROOT))
    assert told["rules"] == ["doctype"]


def test_a_doctype_without_end_is_refused(attack: Attack) -> None:
    told = attack(DECLARED, b"<!DOCTYPE a [", flood(b"<!ENTITY a 'x'>"), b"]>", ROOT)
    assert told["rules"] == ["doctype"]


# ---------------------------------------------------------------------- what would change an amount


@pytest.mark.parametrize(
    ("amount", "value"),
    [
        (b"1<!-- -->00", "100"),
        (b"1<!-- 1 -->0<!-- 2 -->0", "100"),
        (b"1<?x 5?>00", "100"),
        (b"<![CDATA[1]]>00", "100"),
        (b"1<![CDATA[]]>00", "100"),
        (b"&#49;&#x30;0", "100"),
        (b"1\n", "1"),
    ],
)
@pytest.mark.parametrize("before", [b"", PAYMENT * 3])
def test_an_amount_is_what_every_parser_reads(
    attack: Attack, amount: bytes, value: str, before: bytes
) -> None:
    told = attack(BEFORE, before, PAYMENT.replace(b"1.00", amount), TAIL)
    assert told["sums"] == {
        "EUR": str(int(value) + before.count(b"<CdtTrf")) + ".00" * (before > b"")
    }


@pytest.mark.parametrize(
    ("amount", "rule"),
    [
        (b"1&x;00", "xml"),
        (b"1<b/>00", "schema"),
        (b'<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="/etc/hostname"/>', "schema"),
        (b"1</InstdAmt><InstdAmt Ccy='EUR'>2", "schema"),
        (b"1 00", "schema"),
        ("\uff11".encode(), "schema"),  # a wide one
        ("1\u200b".encode(), "schema"),
    ],
)
def test_an_amount_that_parsers_may_read_otherwise_is_refused(
    attack: Attack, amount: bytes, rule: str
) -> None:
    told = attack(BEFORE, PAYMENT * 3, PAYMENT.replace(b"1.00", amount), TAIL)
    assert rule in told["rules"]
    assert not told["valid"]


# ---------------------------------------------------------------------------------------- encodings


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (GOOD.replace(b"<Nm>N", b"<Nm>M\xfcller"), "encoding"),
        (GOOD.replace(b"UTF-8", b"ISO-8859-1").replace(b"<Nm>N", b"<Nm>M\xfcller"), "encoding"),
        (GOOD.replace(b"UTF-8", b"US-ASCII").replace(b"<Nm>N", "<Nm>Ü".encode()), "encoding"),
        (GOOD.decode().replace("UTF-8", "UTF-16").encode("utf-16"), "encoding"),
        (GOOD.decode().encode("utf-16"), "encoding"),
        (GOOD.decode().replace("UTF-8", "UTF-32").encode("utf-32"), "xml"),
        (GOOD.replace(b"UTF-8", b"UTF-7"), "encoding"),
        (GOOD.replace(b"UTF-8", b"EBCDIC-CP-US"), "encoding"),
        (GOOD.decode().replace("UTF-8", "cp037").encode("cp037"), "xml"),
        (GOOD.replace(b"<Nm>N", b"<Nm>\xed\xa0\x80"), "encoding"),  # half of a pair
        (GOOD.replace(b"<Nm>N", b"<Nm>\xc0\xaf"), "encoding"),  # longer than need be
        (GOOD.replace(b"<Nm>N", b"<Nm>\xf4\x90\x80\x80"), "encoding"),  # beyond the last
        (GOOD.replace(b"<Nm>N", b"<Nm>\0"), "xml"),
        (GOOD.replace(b"<Nm>N", b"<Nm>\xef\xbf\xbe"), "xml"),
    ],
)
@pytest.mark.parametrize("before", [b"", PAYMENT * 3])
def test_bytes_that_may_be_read_otherwise_are_refused(
    attack: Attack, content: bytes, rule: str, before: bytes
) -> None:
    told = attack(content.replace(BATCH, BATCH + before))
    assert rule in told["rules"]
    assert not told["valid"]


# -------------------------------------------------------------------------------- nothing is opened

REFERENCES = {
    **DOCTYPES,
    "a schema on a server": (
        b"<Document xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' "
        b"xsi:schemaLocation='%s http://127.0.0.1:9/x.xsd urn:y file:///etc/hostname' "
    )
    % OURS.encode(),
    "a schema for no name space": (
        b"<Document xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' "
        b"xsi:noNamespaceSchemaLocation='/etc/hostname' "
    ),
    "a style sheet": b"<?xml-stylesheet type='text/xsl' href='http://127.0.0.1:9/x.xsl'?>",
    "a model": b"<?xml-model href='file:///etc/hostname'?>",
    "an inclusion": b"<i:include xmlns:i='http://www.w3.org/2001/XInclude' href='/etc/hostname'/>",
}


def _referring(reference: bytes) -> bytes:
    if reference.startswith(b"<Document"):
        return GOOD.replace(b"<Document ", reference)
    if reference.startswith(b"<i:include"):
        return GOOD.replace(b"<Nm>N", b"<Nm>" + reference)
    return GOOD.replace(ROOT, reference + ROOT).replace(b"<Nm>N", b"<Nm>&l9;")


def test_no_other_file_and_no_network_is_touched(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.xml" for number in range(len(REFERENCES))]
    for path, reference in zip(paths, REFERENCES.values(), strict=True):
        path.write_bytes(_referring(reference))
    warm = tmp_path / "warm.xml"
    warm.write_bytes(GOOD.replace(b"TRF", b"XXX"))  # so that every module has been read
    log = tmp_path / "strace.log"
    calls = "open,openat,openat2,creat,socket,connect,sendto,execve,unlink,rename"
    command = ["strace", "-f", "-qq", "-e", f"trace={calls}", "-o", str(log), sys.executable]
    names = "".join(f"{path}\n" for path in paths)
    done = subprocess.run(
        [*command, "-c", dedent(CHILD), str(warm)],
        input=names,
        capture_output=True,
        text=True,
        check=True,
    )
    judged = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(judged) == len(paths)
    assert all(told["rules"] == ["doctype"] for told in judged[: len(DOCTYPES)])
    lines = log.read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if str(paths[0]) in line)
    schema = str(resources.schema("pain.001.001.09"))
    known = [*map(str, paths), schema, "/proc/self/clear_refs", "/proc/self/status"]
    strange = [line for line in lines[first:] if not any(f'"{name}"' in line for name in known)]
    assert strange == []


def test_a_schema_on_a_server_changes_nothing(attack: Attack) -> None:
    named = _referring(REFERENCES["a schema on a server"])
    assert attack(named)["valid"]
    assert attack(named.replace(b"TRF", b"XXX"))["rules"] == ["schema"]


# --------------------------------------------------------------------------- sizes, swapped schemas


def test_a_file_above_the_largest_is_refused_by_its_size(child: Child, tmp_path: Path) -> None:
    path = tmp_path / "sparse.xml"
    path.write_bytes(BEFORE)
    with path.open("r+b") as file:
        file.truncate(1_000_000_001)
    told = child(path)
    assert told["rules"] == ["size"]
    with path.open("r+b") as file:
        file.truncate(1_000_000_000)
    told = child(path)  # zeros as far as the eye can see
    assert told["rules"] == ["xml"]
    assert told["megabytes"] <= 100


class _Silent:
    """A log that nobody reads."""

    def event(self, event: str, /, **facts: str | int | None) -> None:
        pass


@pytest.mark.parametrize(
    "harm", [lambda text: text + b"\n", lambda text: text.replace(b"35", b"99")]
)
def test_with_another_schema_on_disk_nothing_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[[bytes], bytes]
) -> None:
    package = tmp_path / "h2h"
    shutil.copytree(resources.find("schemas"), package / "_schemas")
    path = package / "_schemas" / "pain.001.001.09.xsd"
    path.write_bytes(harm(path.read_bytes()))
    config = load(resources.config_example())
    monkeypatch.setattr(resources, "_PACKAGE", package)
    resources.find.cache_clear()
    resources.carried.cache_clear()
    try:
        with pytest.raises(ConfigError, match=r"pain\.001\.001\.09"), wire(config, _Silent()):
            pass
    finally:
        resources.find.cache_clear()
        resources.carried.cache_clear()
