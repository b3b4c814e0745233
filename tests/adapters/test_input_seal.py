"""The ERP's own seal: between its program and h2h nobody changes a payment file unseen."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from h2h.adapters.archive import FolderArchive
from h2h.adapters.door import FolderDoor
from h2h.adapters.input_seal import LARGEST_SEAL, InputSeal, Sha256Seal, signature_seal
from h2h.core.problem import Severity
from h2h.errors import ConfigError
from h2h.ports import DoorTerms, Seen

if TYPE_CHECKING:
    from tests.adapters.conftest import MakeParty, Party

PAYMENT = b"<Document><a/></Document>\n"
FORGED = PAYMENT.replace(b"<a/>", b"<b/>")
HASH = hashlib.sha256(PAYMENT).hexdigest()
FILE_ID = "20261123-101530-7f3a9c"


@dataclass
class Erp:
    """A door, the ERP before it, the archive behind it."""

    folder: Path
    archive: FolderArchive
    seal: InputSeal
    now: float = 1000.0

    def door(self, settle: float = 0.0, marker: str = "") -> FolderDoor:
        terms = DoorTerms("acme", self.folder, "acme", settle=settle, marker=marker)
        return FolderDoor(terms, lambda: self.now, seal=self.seal)

    def drop(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    @property
    def original(self) -> Path:
        return self.archive.path(FILE_ID, "original.xml")

    def taken(self, door: FolderDoor) -> str:
        """Claim the one file of the door as the flow does; what its seal is found to be."""
        (seen,) = door.scan()
        assert door.copy_seal(seen, self.original)
        claimed = self.archive.claim(FILE_ID, self.folder, seen)
        assert claimed is not None
        door.drop_seal(seen, self.original)
        problem = door.judge_seal(self.original, claimed[0])
        if problem is None:
            return ""
        assert (problem.rule, problem.severity) == ("input-seal", Severity.ERROR)
        assert "drop it again" in problem.remedy
        return problem.message

    def left(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def kept(self) -> list[str]:
        return sorted(path.name for path in self.original.parent.iterdir())


def names(door: FolderDoor) -> list[str]:
    return [seen.name for seen in door.scan()]


MakeErp = Callable[[InputSeal], Erp]


@pytest.fixture
def make_erp(tmp_path: Path) -> MakeErp:
    def make(seal: InputSeal) -> Erp:
        (tmp_path / "outbox").mkdir(mode=0o770)
        (tmp_path / "archive").mkdir(mode=0o700)
        return Erp(tmp_path / "outbox", FolderArchive(tmp_path / "archive"), seal)

    return make


@pytest.fixture
def erp(make_erp: MakeErp) -> Erp:
    """One that seals with checksums."""
    return make_erp(Sha256Seal())


# ------------------------------------------------------------------------------------- checksums


@pytest.mark.parametrize(
    "written",
    [HASH, HASH.upper() + "\r\n", f"{HASH}  pay.xml\n", f"{HASH} *pay.xml\n", f"\\{HASH}  p\\n\n"],
)
def test_a_file_whose_checksum_fits_is_taken_with_it(erp: Erp, written: str) -> None:
    erp.drop("pay.xml", PAYMENT)
    erp.drop("pay.xml.sha256", written.encode())
    assert erp.taken(erp.door()) == ""
    assert erp.left() == []
    assert erp.kept() == ["original.xml", "original.xml.sha256"]
    assert erp.original.with_suffix(".xml.sha256").read_bytes() == written.encode()
    assert erp.original.with_suffix(".xml.sha256").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (hashlib.sha256(FORGED).hexdigest(), f"the file has {HASH}"),
        ("", "no SHA-256 checksum"),
        (HASH[:-1], "no SHA-256 checksum"),
        (HASH + "0", "no SHA-256 checksum"),
        (f"{HASH}\n{HASH}\n", "no SHA-256 checksum"),
        (f"{hashlib.sha256(FORGED).hexdigest()}  a\n{HASH}  b\n", "no SHA-256 checksum"),
        ("\x00" * 64, "no SHA-256 checksum"),
    ],
)
def test_a_file_whose_checksum_does_not_fit_is_named_as_such(
    erp: Erp, written: str, words: str
) -> None:
    erp.drop("pay.xml", PAYMENT)
    erp.drop("pay.xml.sha256", written.encode())
    assert words in erp.taken(erp.door())
    assert erp.left() == []


def test_our_own_copy_is_what_the_seal_is_compared_with(erp: Erp) -> None:
    """Whoever holds the dropped file open, or drops another one, changes nothing that counts."""
    writer = erp.drop("pay.xml", PAYMENT).open("r+b")
    erp.drop("pay.xml.sha256", HASH.encode())
    assert erp.taken(erp.door()) == ""
    with writer:
        writer.write(FORGED)
    assert erp.original.read_bytes() == PAYMENT
    erp.original.write_bytes(FORGED)
    problem = erp.door().judge_seal(erp.original, hashlib.sha256(FORGED).hexdigest())
    assert problem is not None


def test_a_file_that_was_taken_without_a_seal_is_not_let_through_later(erp: Erp) -> None:
    erp.original.write_bytes(PAYMENT)
    problem = erp.door().judge_seal(erp.original, HASH)
    assert problem is not None
    assert "without its seal" in problem.message


# ------------------------------------------------------------------------------------- the door


def test_a_file_waits_for_its_seal_as_for_a_marker(erp: Erp) -> None:
    door = erp.door(marker=".ok")
    erp.drop("pay.xml", PAYMENT)
    erp.drop("pay.xml.ok", b"")
    assert names(door) == []
    assert not door.unsettled()
    erp.drop("pay.xml.sha256", HASH.encode())
    assert names(door) == ["pay.xml"]
    (erp.folder / "pay.xml.ok").unlink()
    assert names(door) == []


def test_a_seal_that_is_still_being_written_is_waited_for(erp: Erp) -> None:
    door = erp.door(settle=2.0)
    erp.drop("pay.xml", PAYMENT)
    assert names(door) == []
    erp.now += 5.0
    erp.drop("pay.xml.sha256", HASH[:20].encode())
    assert names(door) == []
    assert door.unsettled()
    erp.now += 1.5
    erp.drop("pay.xml.sha256", HASH.encode())
    assert names(door) == []
    assert door.unsettled()
    erp.now += 2.0
    assert names(door) == ["pay.xml"]
    assert not door.unsettled()


def test_what_can_never_be_a_seal_is_none_and_is_named(erp: Erp, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text(HASH)
    for name in ("link", "hard", "large", "pipe", "folder"):
        erp.drop(f"{name}.xml", PAYMENT)
    (erp.folder / "link.xml.sha256").symlink_to(tmp_path / "elsewhere")
    os.link(tmp_path / "elsewhere", erp.folder / "hard.xml.sha256")
    erp.drop("large.xml.sha256", b" " * LARGEST_SEAL + HASH.encode())
    os.mkfifo(erp.folder / "pipe.xml.sha256")
    (erp.folder / "folder.xml.sha256").mkdir()
    door = erp.door()
    assert names(door) == []
    assert not door.unsettled()
    for name in ("link.xml", "hard.xml", "large.xml"):
        assert not door.copy_seal(Seen("acme", name, 0, 0, 0), erp.original)
    assert erp.kept() == []
    assert sorted(name for name, _ in door.refused()) == [
        *("folder.xml.sha256", "hard.xml.sha256"),
        *("large.xml.sha256", "link.xml.sha256", "pipe.xml.sha256"),
    ]


# ------------------------------------------------------------------------------- cut, then resumed


def test_a_cut_anywhere_in_taking_the_seal_is_taken_up_again(erp: Erp) -> None:
    erp.drop("pay.xml", PAYMENT)
    erp.drop("pay.xml.sha256", HASH.encode())
    door = erp.door()
    (seen,) = door.scan()
    (erp.original.parent / ".original.xml.sha256.writing").write_bytes(HASH[:7].encode())
    for _ in range(2):
        assert door.copy_seal(seen, erp.original)
        assert erp.left() == ["pay.xml", "pay.xml.sha256"]
    for _ in range(2):
        assert erp.archive.claim(FILE_ID, erp.folder, seen) == (HASH, len(PAYMENT))
        assert door.copy_seal(seen, erp.original)
        assert erp.left() == ["pay.xml.sha256"]
    for _ in range(2):
        door.drop_seal(seen, erp.original)
        assert erp.left() == []
        assert door.judge_seal(erp.original, HASH) is None
    assert erp.kept() == ["original.xml", "original.xml.sha256"]


def test_a_seal_that_came_for_the_next_file_of_that_name_stays(erp: Erp) -> None:
    erp.drop("pay.xml", PAYMENT)
    erp.drop("pay.xml.sha256", HASH.encode())
    door = erp.door()
    (seen,) = door.scan()
    assert door.copy_seal(seen, erp.original)
    erp.archive.claim(FILE_ID, erp.folder, seen)
    later = erp.drop("pay.xml.sha256", hashlib.sha256(FORGED).hexdigest().encode())
    os.utime(later, ns=(7, 7))
    assert door.copy_seal(seen, erp.original)
    door.drop_seal(seen, erp.original)
    assert erp.left() == ["pay.xml.sha256"]
    assert door.judge_seal(erp.original, HASH) is None


def test_a_seal_that_left_before_it_was_copied_is_waited_for(erp: Erp) -> None:
    path = erp.drop("pay.xml", PAYMENT)
    seal = erp.drop("pay.xml.sha256", HASH.encode())
    door = erp.door()
    (seen,) = door.scan()
    seal.unlink()
    assert not door.copy_seal(seen, erp.original)
    path.unlink()
    assert door.copy_seal(seen, erp.original)  # there is nothing left to wait for
    assert erp.kept() == []


def test_a_door_without_a_seal_takes_such_names_as_any_other(erp: Erp) -> None:
    erp.drop("pay.xml.sha256", HASH.encode())
    door = FolderDoor(DoorTerms("acme", erp.folder, "acme", settle=0.0))
    seen = Seen("acme", "pay.xml.sha256", 0, 0, 0)
    assert names(door) == ["pay.xml.sha256"]
    assert not door.sealed
    assert door.copy_seal(seen, erp.original)
    door.drop_seal(seen, erp.original)
    assert door.judge_seal(erp.original, HASH) is None
    assert erp.left() == ["pay.xml.sha256"]


# ------------------------------------------------------------------------------------- signatures


@dataclass
class Signing:
    """Who signs at the ERP, a stranger whose key lies in our ring too, and our ring."""

    clerk: Party
    stranger: Party
    home: Path

    def signature(self, content: bytes, *options: str, who: Party | None = None) -> bytes:
        who = who or self.clerk
        return who.gpg("--detach-sign", "--output", "-", *options, stdin=content)


@pytest.fixture
def signing(keyrings: MakeParty) -> Signing:
    clerk, stranger = keyrings("clerk"), keyrings("stranger")
    ours = keyrings("checks-seals")
    ours.learns(clerk)
    ours.learns(stranger)
    return Signing(clerk, stranger, ours.home)


@pytest.fixture
def signed(make_erp: MakeErp, signing: Signing) -> Erp:
    """An ERP that signs."""
    return make_erp(signature_seal(signing.home, (signing.clerk.fingerprint,)))


@pytest.mark.parametrize(("suffix", "options"), [(".sig", ()), (".asc", ("--armor",))])
def test_a_file_that_a_pinned_key_signed_is_taken(
    signed: Erp, signing: Signing, suffix: str, options: tuple[str, ...]
) -> None:
    signed.drop("pay.xml", PAYMENT)
    assert names(signed.door()) == []
    signed.drop(f"pay.xml{suffix}", signing.signature(PAYMENT, *options))
    assert signed.taken(signed.door()) == ""
    assert signed.left() == []
    assert signed.kept() == ["original.xml", "original.xml.sig"]


def test_a_file_with_any_other_signature_is_refused(signed: Erp, signing: Signing) -> None:
    bad = {
        "does not fit its content": signing.signature(FORGED),
        "not in signers": signing.signature(PAYMENT, who=signing.stranger),
        "is not signed": signing.clerk.gpg("--store", "--output", "-", stdin=PAYMENT),
        "more than one signature": signing.signature(PAYMENT) + signing.signature(PAYMENT),
        "does not count": b"",
        "does not count:": HASH.encode(),
    }
    door = signed.door()
    signed.original.write_bytes(PAYMENT)
    for words, signature in bad.items():
        signed.original.with_suffix(".xml.sig").write_bytes(signature)
        problem = door.judge_seal(signed.original, HASH)
        assert problem is not None
        assert words in problem.message


def test_a_signature_of_other_bytes_than_those_taken_is_refused(
    signed: Erp, signing: Signing
) -> None:
    """The dossier holds what was signed, and the ledger remembers the hash of something else."""
    signed.original.write_bytes(PAYMENT)
    signed.original.with_suffix(".xml.sig").write_bytes(signing.signature(PAYMENT))
    problem = signed.door().judge_seal(signed.original, hashlib.sha256(FORGED).hexdigest())
    assert problem is not None
    assert "changed after it was taken" in problem.message


def test_a_message_with_the_content_inside_is_no_detached_signature(
    signed: Erp, signing: Signing
) -> None:
    """gpg would verify what is inside of it and never look at the file."""
    signed.original.write_bytes(FORGED)
    inside = signing.clerk.gpg("--sign", "--output", "-", stdin=PAYMENT)
    signed.original.with_suffix(".xml.sig").write_bytes(inside)
    problem = signed.door().judge_seal(signed.original, hashlib.sha256(FORGED).hexdigest())
    assert problem is not None


def test_trouble_with_our_own_ring_says_nothing_about_the_file(
    make_erp: MakeErp, tmp_path: Path
) -> None:
    erp = make_erp(signature_seal(tmp_path / "gone", ("A" * 40,)))
    erp.original.write_bytes(PAYMENT)
    erp.original.with_suffix(".xml.sig").write_bytes(b"x")
    with pytest.raises(ConfigError, match="no folder"):
        erp.door().judge_seal(erp.original, HASH)
