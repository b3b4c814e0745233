"""The judge in a thread of its own: it sees every byte in order, and its faults are heard."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from h2h.adapters.messages.iso20022 import schema, xml
from h2h.adapters.messages.iso20022.schema import Beside, Judge

if TYPE_CHECKING:
    from tests.conftest import PaymentFile


class Ear:
    """A judge that remembers what it heard, and in which thread; at `fails` bytes it breaks."""

    def __init__(self, fails: int | None = None) -> None:
        self.heard = b""
        self.threads: set[str] = set()
        self._fails = fails

    def feed(self, block: bytes) -> None:
        if self._fails is not None and len(self.heard) >= self._fails:
            raise MemoryError("the judge fell off its chair")
        self.heard += block
        self.threads.add(threading.current_thread().name)


def beside(*ears: Ear, ahead: bool = True) -> Beside:
    return Beside(cast("Sequence[Judge]", ears), ahead=ahead)


def blocks(count: int) -> list[bytes]:
    return [bytes([number % 256]) * xml.BLOCK for number in range(count)]


def hear(ear: Ear, count: int, then: Callable[[], object] = int) -> None:
    """Let some blocks be judged beside, then do something before the end."""
    with beside(ear) as judges:
        for block in blocks(count):
            judges.feed(block)
        then()


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 2 * xml.BLOCK), max_size=20), st.booleans())
def test_every_byte_is_heard_once_and_in_order(sizes: list[int], ahead: bool) -> None:
    parts = [bytes([number]) * size for number, size in enumerate(sizes)]
    one, other = Ear(), Ear()
    with beside(one, other, ahead=ahead) as judges:
        for part in parts:
            judges.feed(part)
    assert one.heard == other.heard == b"".join(parts)


def test_a_small_file_needs_no_thread_and_a_large_one_has_one_of_its_own() -> None:
    small, large = Ear(), Ear()
    hear(small, 1)
    hear(large, 20)
    assert small.threads == {threading.current_thread().name}
    assert len(large.threads) == 1
    assert large.threads != small.threads


def test_what_is_judged_at_once_is_judged_when_feed_returns() -> None:
    ear = Ear()
    with beside(ear, ahead=False) as judges:
        for number, block in enumerate(blocks(8), 1):
            judges.feed(block)
            assert len(ear.heard) == number * xml.BLOCK


@pytest.mark.parametrize("count", [1, 40])
def test_a_fault_of_the_judge_is_raised_where_its_verdict_is_waited_for(count: int) -> None:
    before = threading.active_count()
    with pytest.raises(MemoryError, match="chair"):
        hear(Ear(fails=0), count)  # and nobody waits for ever for a place in the queue
    assert threading.active_count() == before


def test_a_fault_of_the_reader_leaves_no_thread_behind() -> None:
    before, ear = threading.active_count(), Ear()
    with pytest.raises(ZeroDivisionError):
        hear(ear, 20, then=lambda: 1 // 0)
    assert threading.active_count() == before
    assert len(ear.heard) == 20 * xml.BLOCK


def test_a_large_file_is_judged_as_a_small_one_is(
    tmp_path: Path, payment_file: PaymentFile
) -> None:
    path = tmp_path / "payments.xml"
    content = payment_file("M", [{}] * 12_000)
    path.write_bytes(content.replace(b">M-11999<", b">" + b"x" * 36 + b"<"))
    standard = schema.carried("pain.001.001.09")
    assert standard is not None
    alone, threaded = Judge(standard), Judge(standard)
    alone.feed(path.read_bytes())
    with Beside([threaded]) as judges:
        for block in xml.blocks(path):
            judges.feed(block)
    assert [*threaded.complaints()] == [*alone.complaints()]
    assert len(alone.complaints()) == 1
    (slip,) = schema.slips(path, standard, threaded)
    assert slip.trail[2:4] == (("PmtInf", 1), ("CdtTrfTxInf", 11_999))
