"""`h2h keys`: our keys for a bank, made, listed, put into a letter, and renewed."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from h2h.cli.key_places import KeyPlaces, places_of_keys
from h2h.cli.language import Speaking, teller
from h2h.cli.output import Row, show_rows
from h2h.cli.rewrite import replaced, text_of
from h2h.core.words import say
from h2h.errors import ConfigError, Refused

if TYPE_CHECKING:
    from h2h.adapters.pgp_keys import Ring, RingKey
    from h2h.config import Bank, Config

_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
_bank = click.argument("name", metavar="BANK")
_KINDS = click.Choice(["rsa4096", "rsa2048", "ed25519"])
_kind = click.option(
    "--kind", type=_KINDS, default="rsa4096", show_default=True, help="Of the OpenPGP key."
)
_ssh_kind = click.option(
    "--ssh-kind",
    type=click.Choice(["ed25519", "rsa4096"]),
    default="ed25519",
    show_default=True,
    help="Of the SSH key.",
)
_years = click.option(
    "--years", type=click.IntRange(1, 10), default=2, show_default=True, help="Until it expires."
)


@click.group(cls=Speaking)
def keys() -> None:
    """Our keys for a bank: make, list, put into a letter for the bank, renew."""


@keys.command()
@_bank
@click.option("--owner", help="Whose key it is, as the bank shall read it (default: h2h BANK).")
@_kind
@_ssh_kind
@_years
@click.option(
    "--passphrase", "asks", is_flag=True, help="Ask for one; not at a terminal: a line of stdin."
)
@_json
@click.pass_obj
def new(
    path: Path,
    name: str,
    owner: str | None,
    kind: str,
    ssh_kind: str,
    years: int,
    *,
    asks: bool,
    as_json: bool,
) -> None:
    """Make an OpenPGP key and an SSH key for BANK, which config.toml need not have yet."""
    from h2h.adapters import ssh_keys  # noqa: PLC0415 - heavy
    from h2h.adapters.pgp_keys import Ring  # noqa: PLC0415 - heavy

    places, ring = _found(path, name)
    if any(key.ours for key in ring.members()):
        words = say("there is a key for {bank} already, in {home}", bank=name, home=places.home)
        raise Refused(words, say("`h2h keys rotate {bank}` makes the next one", bank=name))
    if places.ssh_key is not None and places.ssh_key.exists():
        words = say("there is a key for {bank} already, in {home}", bank=name, home=places.ssh_key)
        raise Refused(words, say("Move it away, or keep it: it is never replaced"))
    passphrase = _new_passphrase() if asks else ""
    owner = owner or f"h2h {name}"
    made = ring.new(owner, kind, years, passphrase)
    Ring(places.home).stop_agent()
    line = ssh_keys.new_key(places.ssh_key, ssh_kind, _comment(owner)) if places.ssh_key else ""
    _write_public(places, ring)
    told: dict[str, str] = {
        "bank": name,
        "openpgp": made,
        "ssh": ssh_keys.fingerprint(line) if line else "",
        "public_key": str(places.public_key),
        "ssh_public_key": str(ssh_keys.public_part(places.ssh_key)) if places.ssh_key else "",
    }
    _tell_made(told, path, as_json=as_json, passphrase=asks)


@keys.command("list")
@click.argument("name", metavar="[BANK]", required=False)
@_json
@click.pass_obj
def list_(path: Path, name: str | None, *, as_json: bool) -> None:
    """The keys of BANK, or of all banks: whose, what for, and how many days they are good."""
    known = _known_banks(path)
    names = [name] if name else sorted({*known, *_rings_beside(path)})
    rows = [
        row
        for each in names
        for row in _rows(places_of_keys(path, each), known.get(each), datetime.now(UTC).date())
    ]
    columns = ("bank", "key", "use", "fingerprint", "created", "expires", "days")
    empty = teller(path)(say("There is no key yet; `h2h keys new BANK` makes some."))
    show_rows(rows, columns, as_json=as_json, empty=empty, figures=("days",))


@keys.command()
@_bank
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Where to put it.")
@_json
@click.pass_obj
def letter(path: Path, name: str, folder: Path | None, *, as_json: bool) -> None:
    """A page to print and sign: our fingerprints and public keys for BANK, in English and Chinese.

    It is written as HTML and as text.
    """
    from h2h.adapters import ssh_keys  # noqa: PLC0415 - heavy
    from h2h.adapters.catalogue import translator  # noqa: PLC0415 - not for --help
    from h2h.cli.letter import Letter, as_html, as_text  # noqa: PLC0415 - not for --help

    places, ring = _found(path, name)
    ours = [key for key in ring.members() if key.ours and key.usable]
    if not ours:
        words = say("there is no key for {bank} yet", bank=name)
        raise Refused(words, say("`h2h keys new {bank}` makes it", bank=name))
    lines = [ssh_keys.public_part(key).read_text().strip() for key in _ssh_keys(places)]
    written = Letter(
        name,
        datetime.now(UTC).date(),
        [(key, ring.public(key.fingerprint)) for key in reversed(ours)],
        [(line, ssh_keys.fingerprint(line)) for line in lines],
    )
    languages = (translator("en"), translator("zh"))
    where = folder or places.folder
    pages = {"html": as_html(written, languages), "txt": as_text(written, languages)}
    files = [_written(where / f"{name}-letter.{ending}", text) for ending, text in pages.items()]
    _write_public(places, ring)
    if as_json:
        click.echo(json.dumps({"bank": name, "files": files}))
        return
    told = teller(path)
    click.echo("\n".join(files))
    click.echo(told(say("Print it, sign it, and let the bank have it on another way than the key")))


@keys.command()
@_bank
@click.option("--ssh", "ssh", is_flag=True, help="The SSH key instead of the OpenPGP key.")
@click.option("--switch", is_flag=True, help="From now on use the new one, which the bank knows.")
@_kind
@_ssh_kind
@_years
@_json
@click.pass_obj
def rotate(
    path: Path,
    name: str,
    kind: str,
    ssh_kind: str,
    years: int,
    *,
    ssh: bool,
    switch: bool,
    as_json: bool,
) -> None:
    """Make the next key of BANK; the present one stays in use until --switch, and opens after it.

    The bank gets the new key by letter. Once it has taken it in: the same again with --switch.
    """
    from h2h.config import load  # noqa: PLC0415 - heavy

    config = load(path)
    if name not in config.banks:
        raise click.BadParameter(f"there is no bank {name} in {path}")
    places = places_of_keys(path, name)
    turn = _SSH if ssh else _OPENPGP
    if switch:
        told = turn.switched(path, places)
    else:
        told = turn.made(config, places, ssh_kind if ssh else kind, years)
    if as_json:
        click.echo(json.dumps({"bank": name, "key": told, "switched": switch}))
    elif switch:
        words = say(
            "{key} is used from now on; where there are operators, once it is confirmed:"
            " `h2h config confirm`",
            key=told,
        )
        click.echo(teller(path)(words))
    else:
        again = f"h2h keys rotate {name}{' --ssh' if ssh else ''} --switch"
        words = say(
            "{key} is made; the present one is used until the bank knows it. Send the letter"
            " (`h2h keys letter {bank}`), then: {again}",
            key=told,
            bank=name,
            again=again,
        )
        click.echo(teller(path)(words))


# ------------------------------------------------------------------------------------- the rollover


class _OpenPgp:
    """The next OpenPGP key goes into the same ring, so that both open what the bank seals."""

    def made(self, config: Config, places: KeyPlaces, kind: str, years: int) -> str:
        from h2h.adapters.pgp_keys import Ring  # noqa: PLC0415 - heavy

        ring = Ring(places.home)
        present = next((k for k in ring.members() if k.fingerprint == places.sign_with), None)
        if present is None:
            words = say("the key that signs for {bank} is not in the ring", bank=places.name)
            raise Refused(words, say("Look at `h2h keys list`"))
        if self._next(ring, places) is not None:
            raise _under_way(places.name)
        secret = config.banks[places.name].pgp.passphrase  # the ring has one for all its keys
        owner = re.sub(r"\s*[(<].*", "", present.owner)  # without comment and address
        made = ring.new(owner, kind, years, secret.read() if secret else "")
        _write_public(places, ring)
        return made

    def switched(self, path: Path, places: KeyPlaces) -> str:
        from h2h.adapters.pgp_keys import Ring  # noqa: PLC0415 - heavy

        new = self._next(Ring(places.home), places)
        if new is None:
            raise _nothing_newer(places.name)
        _set(path, ("banks", places.name, "pgp", "sign_with"), new.fingerprint)
        return new.fingerprint

    def _next(self, ring: Ring, places: KeyPlaces) -> RingKey | None:
        """The key that waits: ours, usable, and made after the one that signs."""
        ours = [key for key in ring.members() if key.ours]
        names = [key.fingerprint for key in ours]
        signs = names.index(places.sign_with) if places.sign_with in names else len(ours)
        return next((key for key in ours[signs + 1 :] if key.usable), None)


class _Ssh:
    """The next SSH key lies beside the present one, until the bank lets it in."""

    def made(self, _config: Config, places: KeyPlaces, kind: str, _years: int) -> str:
        from h2h.adapters import ssh_keys  # noqa: PLC0415 - heavy

        present = _ssh_file(places)
        new = _next_to(present)
        if new.exists():
            raise _under_way(places.name)
        return ssh_keys.fingerprint(ssh_keys.new_key(new, kind, _comment(f"h2h {places.name}")))

    def switched(self, _path: Path, places: KeyPlaces) -> str:
        """The new one takes the present one's place, which is kept as NAME.old."""
        from h2h.adapters import durable, ssh_keys  # noqa: PLC0415 - heavy

        present = _ssh_file(places)
        new = _next_to(present)
        if not new.exists():
            raise _nothing_newer(places.name)
        line = ssh_keys.public_part(new).read_text()
        durable.write(present.with_name(f"{present.name}.old"), present.read_bytes())
        new.replace(present)  # whoever reads it meanwhile has the one or the other
        ssh_keys.public_part(new).replace(ssh_keys.public_part(present))
        durable.sync_folder(present.parent)
        return ssh_keys.fingerprint(line)


_OPENPGP, _SSH = _OpenPgp(), _Ssh()


def _under_way(bank: str) -> Refused:
    words = say("a newer key of {bank} waits already", bank=bank)
    return Refused(words, say("Use it with --switch once the bank knows it"))


def _nothing_newer(bank: str) -> Refused:
    words = say("there is no newer key of {bank}", bank=bank)
    return Refused(words, say("Make it first: the same without --switch"))


def _set(path: Path, key: tuple[str, ...], value: str) -> None:
    """Give one text of config.toml another value; all else stays, comments included."""
    from h2h.config.places import places  # noqa: PLC0415 - seldom needed

    before = text_of(path)
    lines = before.split("\n")
    at = places(before).line(key) - 1
    written = re.compile(rf"(\b{key[-1]}\s*=\s*)([\"'])[^\"']*\2")
    changed, times = written.subn(rf'\g<1>"{value}"', lines[at])
    if times != 1:
        words = say(
            "{path}, line {line}: this is not written as h2h can change it", path=path, line=at + 1
        )
        raise Refused(words, say("Write {value} there yourself", value=value))
    lines[at] = changed
    replaced(path, before, "\n".join(lines))


# ------------------------------------------------------------------------------------------- parts


def _found(path: Path, name: str) -> tuple[KeyPlaces, Ring]:
    from h2h.adapters.pgp_keys import Ring  # noqa: PLC0415 - heavy

    places = places_of_keys(path, name)
    return places, Ring(places.home)


def _new_passphrase() -> str:
    """Asked for twice at a terminal; else the first line of stdin."""
    if sys.stdin.isatty():
        asked: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True)
        return asked
    given = sys.stdin.readline().rstrip("\n")
    if not given:
        raise Refused(say("no passphrase came"), say("Give it as one line on stdin"))
    return given


def _comment(owner: str) -> str:
    return re.sub(r"[^A-Za-z0-9.@-]+", "-", owner).strip("-")


def _write_public(places: KeyPlaces, ring: Ring) -> None:
    """Our public keys in one file, to give to the bank."""
    ours = [key.fingerprint for key in ring.members() if key.ours and key.usable]
    _written(places.public_key, "".join(map(ring.public, ours)))


def _written(path: Path, text: str) -> str:
    from h2h.adapters import durable  # noqa: PLC0415 - not for --help

    with durable.disk(f"writing {path}"):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        durable.write(path, text.encode())
    return str(path)


def _ssh_file(places: KeyPlaces) -> Path:
    if places.ssh_key is None:
        words = say("the SSH key of {bank} is in a credential, not in a file", bank=places.name)
        raise Refused(words, say("Renew it where the credential is kept"))
    return places.ssh_key


def _next_to(present: Path) -> Path:
    return present.with_name(f"{present.name}.next")


def _ssh_keys(places: KeyPlaces) -> list[Path]:
    """The present SSH key and the next one, those that are there as files with a public half."""
    from h2h.adapters import ssh_keys  # noqa: PLC0415 - heavy

    if places.ssh_key is None:
        return []
    both = (places.ssh_key, _next_to(places.ssh_key))
    return [key for key in both if ssh_keys.public_part(key).exists()]


def _rows(places: KeyPlaces, bank: Bank | None, today: date) -> Iterator[Row]:
    from h2h.adapters import ssh_keys  # noqa: PLC0415 - heavy
    from h2h.adapters.pgp_keys import Ring  # noqa: PLC0415 - heavy

    for key in Ring(places.home).members():
        yield {
            "bank": places.name,
            "key": key.algorithm,
            "use": _use(key, bank),
            "fingerprint": key.fingerprint,
            "created": f"{key.created:%Y-%m-%d}",
            "expires": str(key.expires) if key.expires else None,
            "days": (key.expires - today).days if key.expires else None,
        }
    for file in _ssh_keys(places):
        line = ssh_keys.public_part(file).read_text()
        made = datetime.fromtimestamp(ssh_keys.public_part(file).stat().st_mtime, UTC)
        yield {
            "bank": places.name,
            "key": line.split()[0],
            "use": ["ours", "logs in" if file == places.ssh_key else "waits for --switch"],
            "fingerprint": ssh_keys.fingerprint(line),
            "created": f"{made:%Y-%m-%d}",
            "expires": None,
            "days": None,
        }


def _known_banks(path: Path) -> Mapping[str, Bank]:
    """The banks of config.toml; none while it is not right: keys are made before their bank."""
    from h2h.config import load  # noqa: PLC0415 - heavy

    try:
        return load(path).banks
    except ConfigError:
        return {}


def _rings_beside(path: Path) -> list[str]:
    """Names of the rings in keys/, those of banks that are still to be added."""
    return [ring.parent.name for ring in path.absolute().parent.glob("keys/*/pubring.kbx")]


def _use(key: RingKey, bank: Bank | None) -> Sequence[str]:
    """Whose it is and what config.toml uses it for."""
    uses = ["ours", "opens"] if key.ours else ["the bank's"]
    if bank is not None:
        named = {
            "signs": [bank.pgp.sign_with or ""],
            "sealed to": bank.pgp.encrypt_to,
            "accepted": bank.pgp.accept_from,
        }
        uses += [use for use, who in named.items() if key.fingerprint in who]
    return uses if key.usable else [*uses, "NOT USABLE"]


def _tell_made(told: dict[str, str], path: Path, *, as_json: bool, passphrase: bool) -> None:
    if as_json:
        click.echo(json.dumps(told))
        return
    from h2h.adapters.pgp_keys import grouped  # noqa: PLC0415 - heavy

    tell_it = teller(path)
    click.echo(f"OpenPGP  {grouped(told['openpgp'])}\n         {told['public_key']}")
    if told["ssh"]:
        click.echo(f"SSH      {told['ssh']}\n         {told['ssh_public_key']}")
    if passphrase:
        words = say(
            "Write where h2h finds the passphrase into [banks.{bank}.pgp]:"
            ' passphrase = "cred:NAME", "file:PATH" or "env:NAME"',
            bank=told["bank"],
        )
        click.echo(tell_it(words))
    words = say("The bank needs both public keys: `h2h keys letter {bank}`", bank=told["bank"])
    click.echo(tell_it(words))
