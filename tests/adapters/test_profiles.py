"""The profiles that are delivered, and what is said of one that is written wrongly."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from h2h import resources
from h2h.adapters import profiles
from h2h.adapters.profiles import load_profile, profile_names
from h2h.core.calendar import calendar_names
from h2h.core.demands import Demands
from h2h.core.payment import Address, Agent, Batch
from h2h.core.problem import Severity
from h2h.core.rules import RULES
from h2h.core.rules.fixed import FIXED
from h2h.errors import ConfigError

NAMES = (
    "cgi",
    "cn-cross-border",
    "cross-border",
    "nordic",
    "sepa",
    "sepa-instant",
    "swiss",
    "uk",
    "us",
)
NOWHERE = Address("", "", "", "")
BATCH = Batch(
    index=1,
    id="B-1",
    method="TRF",
    name="Acme",
    account="DE89370400440532013000",
    iban="DE89370400440532013000",
    account_currency="EUR",
    agent=Agent("COBADEFFXXX", "", "", "", "", NOWHERE),
    requested_execution_date=None,
    service_level="",
    local_instrument="",
    category_purpose="",
    charge_bearer="",
    transactions=None,
    control_sum=None,
    address=NOWHERE,
)

Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes a profile of another installation; the delivered ones are not there."""

    def find(name: str) -> Path:
        assert name == "profiles"
        return tmp_path

    def forget() -> None:
        profiles._read.cache_clear()
        profiles._demands.cache_clear()

    def put(name: str, text: str) -> None:
        (tmp_path / f"{name}.toml").write_text(text, "utf-8")

    forget()
    monkeypatch.setattr(resources, "find", find)
    yield put
    forget()


def refused(name: str) -> ConfigError:
    with pytest.raises(ConfigError) as error:
        load_profile(name)
    return error.value


# ---------------------------------------------------------------------------------- as delivered


def test_these_profiles_are_delivered() -> None:
    assert profile_names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_profile_is_right_in_all_its_words(name: str) -> None:
    profile = load_profile(name)
    assert (profile.name, bool(profile.title)) == (name, True)
    assert profile.calendar in {"", *calendar_names()}
    known = {rule.id for rule in RULES} | {fixed.id for fixed in FIXED if fixed.agreed}
    assert profile.severities.keys() <= known
    for demands in (
        profile.demands,
        *profile.by_service_level.values(),
        *profile.by_local_instrument.values(),
    ):
        assert demands.scheme
        if demands.characters:
            one = re.compile(f"[{demands.characters}]")
            assert all(one.fullmatch(letter) for letter in "Az09/-?:().,'+ ")
            assert not one.fullmatch("\t")


def test_a_source_stands_at_the_top_of_every_profile() -> None:
    for path in resources.find("profiles").glob("*.toml"):
        assert path.read_text("utf-8").startswith("# "), path.name


def test_sepa_asks_what_the_implementation_guidelines_ask() -> None:
    demands = load_profile("sepa").demands
    assert demands.currencies == {"EUR"}
    assert demands.service_levels == {"SEPA"}
    assert demands.charge_bearers == {"SLEV"}
    assert demands.iban_only
    assert demands.payee_verified
    assert (demands.name_length, demands.remittance_length, demands.remittance_lines) == (
        70,
        140,
        1,
    )
    assert demands.largest_payment == Decimal("999999999.99")
    assert demands.hybrid_addresses
    assert not re.fullmatch(f"[{demands.characters}]", "&")
    assert not re.fullmatch(f"[{demands.characters}]", "ü")
    assert load_profile("sepa").calendar == load_profile("sepa-instant").calendar == "ECB"


def test_the_sepa_countries_are_those_of_the_area_by_iban() -> None:
    countries = load_profile("sepa").demands.countries
    assert len(countries) == 42
    assert {"DE", "CH", "GB", "GI", "VA", "MD", "RS"} <= countries
    assert countries.isdisjoint({"US", "TR", "UA", "GF", "JE"})


def test_an_instant_transfer_is_a_sepa_transfer_at_any_hour() -> None:
    usual, instant = load_profile("sepa").demands, load_profile("sepa-instant").demands
    assert (usual.business_days, usual.cut_off) == (True, True)
    assert (instant.business_days, instant.cut_off) == (False, False)
    assert instant.currencies == usual.currencies
    assert instant.largest_payment == usual.largest_payment  # and no 100,000 any more


def test_in_a_cgi_file_each_payment_is_judged_by_its_own_scheme() -> None:
    cgi = load_profile("cgi")
    assert cgi.of(BATCH).scheme == "cgi"
    assert cgi.of(BATCH, "SEPA").scheme == "sepa"
    assert cgi.of(BATCH, "SEPA", "INST").scheme == "sepa-instant"
    assert cgi.of(BATCH, "URGP").scheme == "cgi"
    assert cgi.by_service_level["SEPA"] == load_profile("sepa").demands


@pytest.mark.parametrize("name", ["cross-border", "nordic", "swiss"])
def test_a_sepa_payment_is_one_among_others_too(name: str) -> None:
    profile = load_profile(name)
    assert profile.of(BATCH, "SEPA") is load_profile("sepa").demands
    assert profile.of(BATCH).scheme == name


def test_payments_to_china_keep_to_the_cross_border_demands() -> None:
    china, abroad = load_profile("cn-cross-border").demands, load_profile("cross-border").demands
    assert china.purpose_required_in == china.regulatory_required_in == {"CN"}
    assert china.charge_bearers == abroad.charge_bearers == {"DEBT", "SHAR", "CRED"}
    assert china.agent_required
    assert china.address_required


def test_the_demands_of_a_scheme_are_one_object() -> None:
    assert load_profile("cgi").by_service_level["SEPA"] is load_profile("sepa").demands


# ------------------------------------------------------------------------------- written wrongly


def test_an_unknown_profile_is_refused_with_those_there_are() -> None:
    error = refused("sepia")
    assert "'sepia'" in error.cause
    assert "cross-border, nordic, sepa" in error.next_move


@pytest.mark.parametrize(
    ("text", "key", "remedy"),
    [
        ("titel = 'x'", "titel", "Did you mean 'title'?"),
        ("title = 5", "title", "a text"),
        ("calendar = ['ECB']", "calendar", "a text"),
        ("extends = 'b'", "extends", "Choose one of a"),
        ("demands = 1", "demands", "[demands]"),
        ("[demands]\ncurrency = ['EUR']", "demands.currency", "Did you mean 'currencies'?"),
        ("[demands]\ncurrencies = 'EUR'", "demands.currencies", "a list of texts"),
        ("[demands]\ncurrencies = [1]", "demands.currencies", "a list of texts"),
        ("[demands]\niban_only = 1", "demands.iban_only", "true or false"),
        ("[demands]\nname_length = true", "demands.name_length", "a whole number"),
        ("[demands]\nlargest_payment = 1.5", "demands.largest_payment", "in quotes"),
        ("[demands]\nlargest_payment = 'x'", "demands.largest_payment", "in quotes"),
        ("[demands]\nscheme = []", "demands.scheme", "a text"),
        ("[rules]\nibann = 'warn'", "rules.ibann", "Did you mean 'iban'?"),
        ("[rules]\nschema = 'warn'", "rules.schema", ""),
        ("[rules]\niban = 'fatal'", "rules.iban", "error, hold, warn, info"),
        ("[service_levels]\nSEPA = 'sepa'", "service_levels.SEPA", "Choose one of a"),
        ("[local_instruments]\nINST = 1", "local_instruments.INST", "Choose one of a"),
    ],
)
def test_what_is_unknown_is_named_with_its_file_key_and_remedy(
    write: Write, text: str, key: str, remedy: str
) -> None:
    write("a", text)
    error = refused("a")
    assert "a.toml" in error.cause
    assert f" {key} " in error.cause
    assert remedy in error.next_move


def test_a_profile_that_is_no_toml_is_named_with_its_line(write: Write) -> None:
    write("a", "title = \n")
    error = refused("a")
    assert "a.toml" in error.cause
    assert "line 1" in error.cause


def test_a_mistake_in_the_profile_that_is_extended_names_its_own_file(write: Write) -> None:
    write("a", "extends = 'b'")
    write("b", "[demands]\nnonsense = 1")
    assert "b.toml: demands.nonsense" in refused("a").cause


def test_profiles_that_extend_each_other_are_refused(write: Write) -> None:
    write("a", "extends = 'b'")
    write("b", "extends = 'a'")
    error = refused("a")
    assert "extends" in error.cause
    assert "a extends b extends a" in error.cause


def test_what_a_profile_says_itself_goes_before_what_it_extends(write: Write) -> None:
    write("a", "extends = 'b'\n[demands]\nname_length = 18\n[rules]\niban = 'hold'")
    write(
        "b",
        "title = 'B'\n[demands]\nname_length = 70\ncurrencies = ['GBP']\n"
        "[rules]\niban = 'warn'\nbic = 'info'\n[service_levels]\nX = 'b'",
    )
    profile = load_profile("a")
    assert profile.title == "B"
    assert profile.demands == Demands(name_length=18, currencies=frozenset({"GBP"}))
    assert profile.severities == {"iban": Severity.HOLD, "bic": Severity.INFO}
    assert profile.by_service_level["X"].name_length == 70
