"""What a scheme or a bank demands of a payment beyond the standard: data, read from a profile.

A rule is silent where nothing is demanded, so that one tuple of rules serves every bank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from h2h.core.payment import Batch, Chunk
from h2h.core.problem import Severity


@dataclass(frozen=True, slots=True)
class Limit:
    """The most that a bank takes in one currency; None: no limit is known."""

    payment: Decimal | None = None
    file: Decimal | None = None
    day: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Demands:
    """The demands on one payment. Empty, zero, None and False demand nothing.

    `characters` is the inside of a regular expression's character class. Lengths are in characters,
    day counts in business days.
    """

    scheme: str = ""
    currencies: frozenset[str] = frozenset()
    service_levels: frozenset[str] = frozenset()
    local_instrument: str = ""  # the one that every payment must have
    charge_bearers: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()  # of the counterparty's IBAN
    iban_only: bool = False
    characters: str = ""
    plain_ids: bool = False  # no slash at either end of an id, no two together
    name_length: int = 0
    remittance_length: int = 0
    remittance_lines: int = 0
    remittance_either: bool = False  # structured or unstructured, not both
    one_currency_a_batch: bool = False
    agent_required: bool = False  # by BIC or clearing member id
    address_required: bool = False  # the counterparty's
    hybrid_addresses: bool = True  # free lines beside town and country
    purpose_required_in: frozenset[str] = frozenset()  # countries of the counterparty's bank
    purposes: frozenset[str] = frozenset()  # the codes that are taken
    regulatory_required_in: frozenset[str] = frozenset()
    regulatory_codes: frozenset[str] = frozenset()
    business_days: bool = False  # the requested date must be one
    days_ahead: int = 0  # the farthest requested date, calendar days
    cut_off: bool = True  # the scheme has one (an instant one has none)
    payee_verified: bool = False  # the bank compares the name with the account's holder
    largest_payment: Decimal | None = None


_NOTHING = Demands()


@dataclass(frozen=True, slots=True)
class Profile:
    """Demands and severities under a name. A batch's or payment's own service level or local
    instrument may lead to other demands than the profile's usual ones."""

    name: str = ""
    title: str = ""
    demands: Demands = _NOTHING
    severities: Mapping[str, Severity] = field(default_factory=dict)
    by_service_level: Mapping[str, Demands] = field(default_factory=dict)
    by_local_instrument: Mapping[str, Demands] = field(default_factory=dict)
    calendar: str = ""  # the scheme's business days, for a check that knows of no bank

    def of(self, batch: Batch, service_level: str = "", local_instrument: str = "") -> Demands:
        """The demands on a payment of `batch` that says this of itself."""
        return self.by(
            service_level or batch.service_level, local_instrument or batch.local_instrument
        )

    def by(self, service_level: str, local_instrument: str) -> Demands:
        """The demands on a payment of this service level and local instrument."""
        return (
            self.by_local_instrument.get(local_instrument)
            or self.by_service_level.get(service_level)
            or self.demands
        )

    def altered(self, change: Callable[[Demands], Demands]) -> Profile:
        """The same profile where a bank has its own word: `change` is made to all its demands."""
        return replace(
            self,
            demands=change(self.demands),
            by_service_level={key: change(each) for key, each in self.by_service_level.items()},
            by_local_instrument={
                key: change(each) for key, each in self.by_local_instrument.items()
            },
        )

    def of_chunk(self, chunk: Chunk) -> Sequence[Demands]:
        """The demands on each payment of `chunk`."""
        columns, batches = chunk.columns, chunk.batches
        levels, instruments = columns.service_level, columns.local_instrument
        if batches[0] is batches[-1] and not any(levels) and not any(instruments):
            return [self.of(batches[0])] * len(chunk)
        return [*map(self.of, batches, levels, instruments)]


NO_PROFILE = Profile()


def spans(demands: Sequence[Demands]) -> Iterator[tuple[Demands, Sequence[int]]]:
    """Each of the different demands, with the indexes of the payments that it is made on."""
    first = demands[0]
    if demands.count(first) == len(demands):
        yield first, range(len(demands))
        return
    found: dict[int, tuple[Demands, list[int]]] = {}
    for at, each in enumerate(demands):
        found.setdefault(id(each), (each, []))[1].append(at)
    yield from found.values()
