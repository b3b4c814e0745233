"""`h2h bank`: a bank added to config.toml, and its server tried out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from h2h.cli.key_places import KeyPlaces, places_of_keys
from h2h.cli.language import Speaking, teller
from h2h.cli.output import Row, show_rows
from h2h.cli.rewrite import replaced, text_of
from h2h.core.words import say
from h2h.errors import Refused

if TYPE_CHECKING:
    from h2h.adapters.pgp_keys import Ring
    from h2h.flows.probing import Probe

Teller = Callable[[str], str]
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
_HIDDEN = 6  # last characters of a fingerprint that must come from elsewhere
_TRIES = 3


@click.group(cls=Speaking)
def bank() -> None:
    """Add a bank to config.toml; find out what its server can do."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """What was agreed with a bank, as it is written into config.toml."""

    name: str
    host: str
    port: int
    user: str
    upload: str
    downloads: Sequence[str]
    pattern: str
    calendar: str
    zone: str
    fetch: str
    accounts: Sequence[str]  # IBAN or NUMBER@BANKCODE, CURRENCY, ENTITY; by blanks


@bank.command()
@click.argument("name", metavar="BANK")
@click.option("--host", help="Of its SFTP server.")
@click.option("--port", type=click.IntRange(1, 65535), help="[default: 22]")
@click.option("--user", help="Our user name there.")
@click.option("--upload", help="The folder for payment files.")
@click.option("--download", multiple=True, help="A folder to fetch from; may be repeated.")
@click.option("--pattern", default="*", show_default=True, help="Of the names to fetch.")
@click.option("--calendar", help="Its business days: ECB, NYSE, XLON, DE, CN …")
@click.option("--zone", help="Its time zone: Europe/Berlin …")
@click.option("--fetch", default="*/15 6-20 * * mon-fri", show_default=True, help="When.")
@click.option(
    "--account",
    "accounts",
    multiple=True,
    metavar='"IBAN CURRENCY [ENTITY]"',
    help="Ours; may be repeated. NUMBER@BANKCODE where there are no IBANs.",
)
@click.option("--bank-key", type=click.Path(path_type=Path), help="Its OpenPGP public key (file).")
@click.option("--bank-fingerprint", help="Of that key, as the bank's letter has it.")
@click.option("--fingerprint", help="Of its host key (SHA256:…), as the bank's letter has it.")
@_json
@click.pass_obj
def add(
    path: Path,
    name: str,
    host: str | None,
    port: int | None,
    user: str | None,
    upload: str | None,
    download: tuple[str, ...],
    pattern: str,
    calendar: str | None,
    zone: str | None,
    fetch: str,
    accounts: tuple[str, ...],
    bank_key: Path | None,
    bank_fingerprint: str | None,
    fingerprint: str | None,
    *,
    as_json: bool,
) -> None:
    """Write BANK into config.toml; what is not given is asked for.

    Its host key and its OpenPGP key are pinned only after their fingerprints were compared with
    what the bank said on another way: by letter, by telephone, on its portal.
    """
    from h2h.adapters.pgp_keys import Ring  # noqa: PLC0415 - heavy
    from h2h.adapters.sftp import shown_host_keys  # noqa: PLC0415 - heavy
    from h2h.config import values  # noqa: PLC0415 - heavy

    told, places, before = teller(path), places_of_keys(path, name), text_of(path)
    ring = Ring(places.home)
    ours = _our_key(places, ring, before)
    script = host is not None and user is not None
    ask = _Asker(told)
    agreed = Agreed(
        name=name,
        host=host or ask(say("Host of its SFTP server"), values.host),
        port=port or (22 if script else int(ask(say("Port"), _port, "22"))),
        user=user or ask(say("Our user name there"), values.filled),
        upload=upload or ask(say("Folder for payment files"), values.remote_folder, "Outbox"),
        downloads=download or [ask(say("Folder to fetch from"), values.remote_folder, "Inbox")],
        pattern=pattern,
        calendar=calendar or ask(say("Calendar of its business days"), values.calendar, "ECB"),
        zone=zone or ask(say("Its time zone"), values.zone, "Europe/Berlin"),
        fetch=fetch,
        accounts=accounts or [*_asked_accounts(ask)],
    )
    key_file = bank_key or Path(ask(say("File with its OpenPGP key"), _file)).expanduser()
    theirs = _bank_key(ring, key_file)
    _confirm(say("The bank's OpenPGP key"), [theirs], bank_fingerprint, told, as_json=as_json)
    pinned = _host_key(agreed, shown_host_keys, fingerprint, told, as_json=as_json)
    ring.take_in(key_file)
    section = "\n".join(_tables(agreed, places, pinned, ours, theirs))
    replaced(path, before, f"{before.rstrip()}\n\n{section}\n")
    if as_json:
        click.echo(json.dumps({"bank": name, "host_key": pinned, "openpgp": theirs}))
        return
    click.echo(told(say("{bank} stands in {path} now.", bank=name, path=path)))
    click.echo(told(say("Try its server out: `h2h bank probe {bank}`", bank=name)))


# ------------------------------------------------------------------------------------------ asking


class _Asker:
    """Asks until the answer is one that config.toml takes."""

    def __init__(self, told: Teller) -> None:
        self._told = told

    def __call__(self, words: str, check: Callable[[object], object], default: str = "") -> str:
        from h2h.config.findings import Wrong  # noqa: PLC0415 - with the values

        while True:
            answer: str = click.prompt(self._told(words), default=default or None, err=True)
            try:
                check(answer.strip())
            except Wrong as wrong:
                click.echo(f"  {wrong.expected}. {wrong.remedy}", err=True)
            else:
                return answer.strip()


def _port(value: object) -> int:
    from h2h.config.findings import Wrong  # noqa: PLC0415 - heavy

    text = str(value)
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise Wrong("a number from 1 to 65535", "Mostly it is 22")
    return int(text)


def _file(value: object) -> Path:
    from h2h.config.findings import Wrong  # noqa: PLC0415 - heavy

    path = Path(str(value)).expanduser()
    if not path.is_file():
        raise Wrong("a file that is there", "Save the key that the bank sent, and name it")
    return path


def _asked_accounts(ask: _Asker) -> Iterator[str]:
    """At least one; an empty answer ends it."""
    yield ask(say("Our account: IBAN CURRENCY ENTITY"), _account)
    while more := ask(say("Another one, or - when that was all"), _account_or_end).strip("-"):
        yield more


def _account(value: object) -> str:
    from h2h.config import values  # noqa: PLC0415 - heavy
    from h2h.config.findings import Wrong  # noqa: PLC0415 - heavy

    number, currency, _ = _parts(str(value))
    if not currency:
        raise Wrong("an account and its currency", "Such as: DE89370400440532013000 EUR Acme GmbH")
    if "@" not in number:
        values.iban_number(number)
    values.currency(currency)
    return str(value)


def _account_or_end(value: object) -> str:
    return "" if value == "-" else _account(value)


def _parts(account: str) -> tuple[str, str, str]:
    number, _, rest = account.strip().partition(" ")
    currency, _, entity = rest.strip().partition(" ")
    return number, currency, entity.strip()


# ------------------------------------------------------------------------------------------- trust


def _our_key(places: KeyPlaces, ring: Ring, config: str) -> str:
    """The key of ours that is going to sign. Raises Refused when there is none, or the bank is."""
    import tomllib  # noqa: PLC0415 - seldom needed

    if places.name in tomllib.loads(config).get("banks", {}):
        words = say("{bank} stands in config.toml already", bank=places.name)
        raise Refused(words, say("Change it there, or choose another name"))
    ours = [key.fingerprint for key in ring.members() if key.ours and key.usable]
    if not ours:
        words = say("there is no key for {bank} yet", bank=places.name)
        raise Refused(words, say("`h2h keys new {bank}` makes it", bank=places.name))
    return ours[-1]


def _bank_key(ring: Ring, file: Path) -> str:
    found = ring.fingerprints_in(file)
    if len(found) != 1:
        words = say("{file} holds {count} keys", file=file, count=len(found))
        raise Refused(words, say("Ask the bank for a file with its one key"))
    return found[0]


def _host_key(
    agreed: Agreed,
    shown: Callable[[str, int], Sequence[str]],
    given: str | None,
    told: Teller,
    *,
    as_json: bool,
) -> str:
    """The line to pin, of the keys that the server shows."""
    from h2h.adapters.ssh_keys import fingerprint  # noqa: PLC0415 - heavy

    lines = {fingerprint(line): line for line in shown(agreed.host, agreed.port)}
    what = say("The host key that {host} shows", host=agreed.host)
    return lines[_confirm(what, [*lines], given, told, as_json=as_json)]


def _confirm(
    what: str, fingerprints: Sequence[str], given: str | None, told: Teller, *, as_json: bool
) -> str:
    """The one of `fingerprints` that the bank named as well. Raises Refused when it is none.

    Their last characters are not shown before: who types them has them from elsewhere.
    """
    if given is not None:
        found = next((each for each in fingerprints if _same(each, given)), None)
        if found is None:
            raise _not_the_banks(what, fingerprints)
    else:
        for each in fingerprints:
            click.echo(f"{told(what)}:\n  {each[:-_HIDDEN]}{'·' * _HIDDEN}", err=True)
        found = _typed(fingerprints, told)
        if found is None:
            raise _not_the_banks(what, fingerprints)
    if not as_json:
        click.echo(told(say("{what} is confirmed: {fingerprint}", what=what, fingerprint=found)))
    return found


def _typed(fingerprints: Sequence[str], told: Teller) -> str | None:
    """The fingerprint whose end somebody knows, within a few tries."""
    words = say("Its last {count} characters, as the bank's letter has them", count=_HIDDEN)
    for _ in range(_TRIES):
        end = click.prompt(told(words), err=True).replace(" ", "")
        for each in fingerprints:
            same = each.endswith(end) or (":" not in each and each.endswith(end.upper()))
            if len(end) == _HIDDEN and same:
                return each
    return None


def _same(fingerprint: str, given: str) -> bool:
    plain = given.replace(" ", "").rstrip("=")
    if ":" in fingerprint:  # of a host key, in base64
        return fingerprint == (plain if ":" in plain else f"SHA256:{plain}")
    return fingerprint == plain.removeprefix("0x").upper()


def _not_the_banks(what: str, fingerprints: Sequence[str]) -> Refused:
    shown = ", ".join(fingerprints)
    words = say("{what} is not the one that the bank named: {shown}", what=what, shown=shown)
    return Refused(
        words, say("Nothing was changed. Ask the bank which is right; somebody may be in between")
    )


# ---------------------------------------------------------------------------------- what is written


def _tables(
    agreed: Agreed, places: KeyPlaces, host_key: str, ours: str, theirs: str
) -> Iterator[str]:
    """The bank's tables; what is not said here has its default, see docs/config.md."""
    name = agreed.name
    yield f"# ---- {name}, added on {datetime.now(UTC):%Y-%m-%d} by `h2h bank add`"
    yield f"[banks.{name}]"
    yield f"calendar = {_text(agreed.calendar)}"
    yield f"zone = {_text(agreed.zone)}"
    yield f"fetch = [{_text(agreed.fetch)}]"
    yield f"\n[banks.{name}.sftp]"
    yield f"hosts = [{_text(agreed.host)}]"
    yield f"port = {agreed.port}"
    yield f"username = {_text(agreed.user)}"
    yield f'private_key = "file:keys/{name}-ssh"'
    yield f"host_keys = [{_text(host_key)}]"
    yield f'upload = {{ folder = {_text(agreed.upload)}, publish = "rename" }}'
    yield "download = ["
    for folder in agreed.downloads:
        pattern = _text(agreed.pattern)
        yield f'  {{ folder = {_text(folder)}, pattern = {pattern}, after = "delete" }},'
    yield "]"
    yield f"\n[banks.{name}.pgp]"
    yield f'home = "keys/{places.home.name}"'
    yield f"sign_with = {_text(ours)}"
    yield f"encrypt_to = [{_text(theirs)}]"
    yield f"accept_from = [{_text(theirs)}]"
    for account in agreed.accounts:
        yield from _account_table(name, *_parts(account))


def _account_table(name: str, number: str, currency: str, entity: str) -> Iterator[str]:
    yield f"\n[[banks.{name}.accounts]]"
    own, at, code = number.partition("@")
    if at:
        yield f"number = {_text(own)}\nbank_code = {_text(code)}"
    else:
        yield f"iban = {_text(own)}"
    yield f"currency = {_text(currency)}"
    if entity:
        yield f"entity = {_text(entity)}"


def _text(value: str) -> str:
    """`value` as a TOML basic string: JSON's escapes are all TOML's as well."""
    return json.dumps(value, ensure_ascii=False)


# ------------------------------------------------------------------------------------------- probe


@bank.command()
@click.argument("name", metavar="BANK")
@click.option("--host", default="", help="This one of its hosts alone.")
@click.option("--yes", is_flag=True, help="In production too: test files are put at the bank.")
@_json
@click.pass_obj
def probe(path: Path, name: str, *, host: str, yes: bool, as_json: bool) -> None:
    """Find out what BANK's server permits, and what its `publish` and `confirm` should be.

    Small files are put at the bank under names that it ignores, and removed again.
    """
    from h2h.config import load  # noqa: PLC0415 - heavy
    from h2h.flows.probing import Probe  # noqa: PLC0415 - heavy
    from h2h.wiring import server_of, terms_of  # noqa: PLC0415 - heavy

    config, told = load(path), teller(path)
    if name not in config.banks:
        raise click.BadParameter(f"there is no bank {name} in {path}")
    warning = say(
        "Test files are put at {bank} (.h2h-probe-….tmp) and removed again; a bank that takes every"
        " name could pick one up",
        bank=name,
    )
    if config.h2h.environment == "production" and not yes:
        raise Refused(warning, say("Ask the bank first, then say --yes"))
    if not as_json:
        click.echo(told(warning), err=True)
    table = config.banks[name]
    server = server_of(table)
    tried = Probe(terms_of(name, table, config))
    tried.run(lambda: server.session(host))
    _tell(tried, told, as_json=as_json)
    if tried.failed:
        raise click.exceptions.Exit(1)


def _tell(tried: Probe, told: Teller, *, as_json: bool) -> None:
    rows: list[Row] = [
        {"act": act.act, "result": act.result.value, "told": told(act.words)} for act in tried.acts
    ]
    advice = tried.advice
    if as_json:
        rows.append({"publish": advice.publish, "confirm": advice.confirm, "why": told(advice.why)})
        show_rows(rows, (), as_json=True, empty="")
        return
    show_rows(rows, ("act", "result", "told"), as_json=False, empty="")
    click.echo(told(advice.why))
    if advice.publish:
        click.echo(f'publish = "{advice.publish}"\nconfirm = "{advice.confirm}"')
