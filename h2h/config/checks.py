"""What two keys must agree on. Each check looks at the text's own values, whatever their types, so
that it also speaks when single values elsewhere are wrong: all problems come at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from h2h.config.findings import Key, Trouble, dotted, shown
from h2h.config.forms import KINDS, ignored
from h2h.config.models import Pgp, Workspace
from h2h.config.values import POSTGRESQL

# What a seal needs to be made with.
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "sign+encrypt": ("sign_with", "encrypt_to"),
    "sign": ("sign_with",),
    "encrypt": ("encrypt_to",),
    "detached": ("sign_with",),
}
_ROOMS = ("outbox", "inbox", "archive")
_ANSWERS = "answers"  # the folder in inbox/ for files that could not be routed to a bank


@dataclass(frozen=True, slots=True)
class Raw:
    """A table as tomllib read it. Reading it never fails: what is of another type counts as absent
    (the models report that)."""

    values: Mapping[str, object]
    key: Key = ()

    def has(self, name: str) -> bool:
        """Is the key there, and not an empty text or list?"""
        return self.values.get(name) not in (None, "", ())

    def text(self, name: str, default: str = "") -> str:
        """The text under `name`."""
        value = self.values.get(name, default)
        return value if isinstance(value, str) else default

    def table(self, name: str) -> Raw:
        """The table under `name`, empty when there is none."""
        value = self.values.get(name)
        return Raw(value if isinstance(value, Mapping) else {}, (*self.key, name))

    def tables(self, name: str) -> list[Raw]:
        """The tables in the list under `name`, each under its own index."""
        value = self.values.get(name)
        rows = value if isinstance(value, tuple) else ()
        at = (*self.key, name)
        return [Raw(row, (*at, i)) for i, row in enumerate(rows) if isinstance(row, Mapping)]

    def trouble(self, name: str, expected: str, remedy: str, found: str = "") -> Trouble:
        """A Trouble with the key `name` of this table."""
        key = (*self.key, name) if name else self.key
        value = self.values.get(name)
        return Trouble(
            key, found or ("nothing" if value is None else shown(key, value)), expected, remedy
        )


def cross_checks(root: Raw, base: Path) -> Iterator[Trouble]:
    """Everything that two keys disagree on; `base` is the folder of config.toml."""
    banks = [root.table("banks").table(name) for name in root.table("banks").values]
    for bank in banks:
        for check in BANK_CHECKS:
            yield from check(bank, root)
    yield from _input_seal(root.table("h2h").table("door"))
    yield from _one_account_one_bank(banks)
    yield from _one_ring_a_bank(banks)
    yield from _rooms_apart(root.table("h2h"))
    yield from _archive_key(root.table("h2h"))
    yield from _receivers(root.tables("export"), banks)
    yield from _folders_apart(root, base)
    yield from _policies(root.tables("policies"), banks)
    yield from _alerts(root.tables("alerts"), banks)
    yield from _reports(root, banks)


def _reports(root: Raw, banks: list[Raw]) -> Iterator[Trouble]:
    """What is mailed needs a channel that mails; slots are known by the report's name."""
    mailing = [each.text("name") for each in root.tables("alerts") if each.has("mail")]
    names: set[str] = set()
    for report in root.tables("reports"):
        for name, there in _there(banks).items():
            yield from _unknown(report, name, there)
        by = report.text("mail_by")
        if report.has("mail_to") and (by not in mailing if by else not mailing):
            yield report.trouble(
                "mail_by" if by else "mail_to",
                "the name of a channel of [[alerts]] that has mail",
                "Add such a channel, or name one",
            )
        if report.text("name") in names:
            yield report.trouble("name", "a name of its own", "Rename one of the two reports")
        names.add(report.text("name"))


def _alerts(channels: list[Raw], banks: list[Raw]) -> Iterator[Trouble]:
    """A channel has one way, and a name of its own under which its alerts wait."""
    names: set[str] = set()
    for channel in channels:
        ways = [way for way in _WAYS if way in channel.values]
        if len(ways) != 1:
            found = " and ".join(ways) or "none"
            yield channel.trouble(
                "", f"one of {', '.join(_WAYS)}", "One way a channel; add another channel", found
            )
        yield from _unknown(channel, "banks", _there(banks)["banks"])
        mail = channel.table("mail")
        if mail.has("username") is not mail.has("password"):
            name = "password" if mail.has("username") else "username"
            yield mail.trouble(name, "both of username and password, or neither", "Complete it")
        if mail.has("password") and mail.text("tls") == "none":
            yield mail.trouble("tls", "a connection that hides the password", "Use starttls")
        if channel.text("name") in names:
            yield channel.trouble("name", "a name of its own", "Rename one of the two channels")
        names.add(channel.text("name"))


_WAYS = ("mail", "webhook", "apprise")


def _policies(policies: list[Raw], banks: list[Raw]) -> Iterator[Trouble]:
    """A policy that names what there is not, or a limit without its currency, protects nothing."""
    names: set[str] = set()
    for policy in policies:
        for name, there in _there(banks).items():
            yield from _unknown(policy, name, there)
        for limit in ("above", "day_above"):
            if policy.has(limit) and not policy.has("amounts_in"):
                yield policy.trouble(
                    "amounts_in", f"the currency of {limit}", 'Add amounts_in = "EUR"'
                )
        members = policy.values.get("members")
        wanted = policy.values.get("approvals", 1)
        if isinstance(members, tuple) and isinstance(wanted, int) and 0 < len(members) < wanted:
            yield policy.trouble("members", f"at least {wanted}", "Nobody can approve twice")
        if policy.text("name") in names:
            yield policy.trouble("name", "a name of its own", "Rename one of the two policies")
        names.add(policy.text("name"))


def _archive_key(h2h: Raw) -> Iterator[Trouble]:
    for one, other in (("archive_key", "archive_home"), ("archive_home", "archive_key")):
        if h2h.has(one) and not h2h.has(other):
            yield h2h.trouble(other, f"the other half of {one}", f"Set {other}, or remove {one}")


def _transport(bank: Raw, _root: Raw) -> Iterator[Trouble]:
    there = [name for name in ("sftp", "folder") if name in bank.values]
    if len(there) != 1:
        table = dotted(bank.key)
        found = "both" if there else "neither"
        yield bank.trouble(
            "",
            f"either [{table}.sftp] or [{table}.folder]",
            "Say in exactly one of them how this bank is reached",
            found,
        )


def _door(bank: Raw, _root: Raw) -> Iterator[Trouble]:
    return _input_seal(bank.table("door"))


def _input_seal(door: Raw) -> Iterator[Trouble]:
    """Keys of a signature go with `seal = "openpgp"`, and with nothing else."""
    seal = door.text("seal", "none")
    needed = {"signers": "the fingerprints of the keys that sign", "home": "a GnuPG home"}
    for name, what in needed.items():
        if seal == "openpgp" and not door.has(name):
            yield door.trouble(
                name, f'{what}, since seal = "openpgp"', "Name it; the ERP's public keys lie there"
            )
        if seal != "openpgp" and door.has(name):
            yield door.trouble(
                name, 'no such key without seal = "openpgp"', "Remove it, or write seal"
            )
    if door.has("marker") and door.text("marker") in _SEAL_SUFFIXES.get(seal, ()):
        yield door.trouble(
            "marker", f'another suffix, since seal = "{seal}" uses it', 'Use ".ok" or ".done"'
        )


_SEAL_SUFFIXES = {"sha256": (".sha256",), "openpgp": (".sig", ".asc")}


def _seal_of(bank: Raw) -> str:
    return bank.table("pgp").text("seal", Pgp.model_fields["seal"].default)


def _sealing(bank: Raw, root: Raw) -> Iterator[Trouble]:
    pgp, seal = bank.table("pgp"), _seal_of(bank)
    for name in _NEEDS.get(seal, ()):
        if not pgp.has(name):
            yield pgp.trouble(
                name,
                f'a fingerprint, since seal = "{seal}"',
                "Name the key, or agree on another seal with the bank",
            )
    if seal == "none" and root.table("h2h").text("environment") != "test":
        yield pgp.trouble(
            "seal",
            'a seal: "none" is for environment = "test" only',
            "Ask the bank for its PGP key, and seal what goes out",
        )


def _opening(bank: Raw, _root: Raw) -> Iterator[Trouble]:
    pgp, seal = bank.table("pgp"), _seal_of(bank)
    if seal == "none" and pgp.has("accept_from"):
        yield pgp.trouble(
            "accept_from",
            'no such key, since seal = "none" opens nothing and proves nothing',
            "Remove it, or agree on a seal with the bank",
        )
    if seal != "none" and not pgp.has("accept_from") and _fetches_sealed(bank):
        yield pgp.trouble(
            "accept_from",
            "the fingerprints of the keys that the bank signs with",
            "Without them no bank file can be told from a forged one",
        )


def _fetches_sealed(bank: Raw) -> bool:
    transports = (bank.table("sftp"), bank.table("folder"))
    return any(
        download.values.get("seal") is not False
        for transport in transports
        for download in transport.tables("download")
    )


def _downloads(bank: Raw, _root: Raw) -> Iterator[Trouble]:
    for transport in (bank.table("sftp"), bank.table("folder")):
        for download in transport.tables("download"):
            moves = download.text("after") == "move"
            if moves and not download.has("move_to"):
                yield download.trouble(
                    "move_to", 'a folder at the bank, since after = "move"', "Name the folder"
                )
            if not moves and download.has("move_to"):
                yield download.trouble(
                    "move_to", 'no such key without after = "move"', "Remove it, or write after"
                )


def _account_numbers(bank: Raw, _root: Raw) -> Iterator[Trouble]:
    for account in bank.tables("accounts"):
        ibans = account.has("iban")
        numbers = [name for name in ("number", "bank_code") if account.has(name)]
        if len(numbers) == (0 if ibans else 2):
            continue
        found = "both" if ibans else numbers[0] + " alone" if numbers else "neither"
        yield account.trouble(
            "",
            "either iban, or number and bank_code",
            "Accounts in countries without IBAN have a number and the bank's clearing code",
            found,
        )


def _name(bank: Raw, _root: Raw) -> Iterator[Trouble]:
    if bank.key[-1] == _ANSWERS:
        yield bank.trouble(
            "",
            "another name",
            f"inbox/{_ANSWERS}/ has its own use; rename the bank",
            f"{_ANSWERS!r}",
        )


BANK_CHECKS: tuple[Callable[[Raw, Raw], Iterator[Trouble]], ...] = (
    _name,
    _transport,
    _sealing,
    _opening,
    _door,
    _downloads,
    _account_numbers,
)


def _one_account_one_bank(banks: list[Raw]) -> Iterator[Trouble]:
    owner: dict[tuple[str, ...], Raw] = {}
    seen: set[tuple[str, ...]] = set()
    for bank in banks:
        for account in bank.tables("accounts"):
            number, name = _identity(account)
            if not number:
                continue
            first = owner.setdefault(number, bank)
            if first is not bank:
                yield account.trouble(
                    name,
                    f"an account of one bank; {dotted(first.key)} has it already",
                    "A payment file is routed by its debtor account, so this must be decided",
                )
            line = (*number, account.text("currency"))
            if line in seen and first is bank:
                yield account.trouble(
                    name, "each account and currency once", "Remove the second one"
                )
            seen.add(line)


def _identity(account: Raw) -> tuple[tuple[str, ...], str]:
    """What identifies an account, and the key that says it; empty when it is not all there."""
    if account.has("iban"):
        return (account.text("iban").replace(" ", "").upper(),), "iban"
    number = (account.text("number"), account.text("bank_code"))
    return (number if all(number) else ()), "number"


def _one_ring_a_bank(banks: list[Raw]) -> Iterator[Trouble]:
    owner: dict[PurePath, Raw] = {}
    for bank in banks:
        pgp = bank.table("pgp")
        if not pgp.has("home"):
            continue
        first = owner.setdefault(PurePath(pgp.text("home")), bank)
        if first is not bank:
            yield pgp.trouble(
                "home",
                f"a folder of its own; {dotted(first.key)} has this one",
                "One ring a bank: one bank's key must never open another bank's files",
            )


def _rooms_apart(workspace: Raw) -> Iterator[Trouble]:
    rooms = [
        (name, PurePath(workspace.text(name, Workspace.model_fields[name].default)))
        for name in _ROOMS
    ]
    for index, (name, room) in enumerate(rooms):
        for earlier, other in rooms[:index]:
            if room.is_relative_to(other) or other.is_relative_to(room):
                yield workspace.trouble(
                    name, f"a folder apart from {earlier}", "Neither may lie inside of the other"
                )


# ---------------------------------------------------------------------------------------- receivers


def _receivers(receivers: list[Raw], banks: list[Raw]) -> Iterator[Trouble]:
    known = _there(banks)
    for receiver in receivers:
        for name, there in known.items():
            yield from _unknown(receiver, name, there)
        for form in receiver.tables("forms"):
            yield from _form(form)
    yield from _own_names(receivers, known["banks"])


def _there(banks: list[Raw]) -> dict[str, set[str]]:
    """What can be named in a condition."""
    accounts = [account for bank in banks for account in bank.tables("accounts")]
    return {
        "banks": {str(bank.key[-1]) for bank in banks},
        "accounts": {number for account in accounts for number in _numbers_of(account)},
        "entities": {account.text("entity") for account in accounts} - {""},
    }


def _numbers_of(account: Raw) -> Iterator[str]:
    yield from (_compact(account.text(name)) for name in ("iban", "number") if account.has(name))


def _compact(number: str) -> str:
    return number.replace(" ", "").upper()


def _unknown(receiver: Raw, name: str, there: set[str]) -> Iterator[Trouble]:
    values = receiver.values.get(name)
    for index, value in enumerate(values if isinstance(values, tuple) else ()):
        plain = _compact(str(value)) if name == "accounts" else value
        if isinstance(value, str) and plain not in there:
            yield Trouble(
                (*receiver.key, name, index),
                shown((name,), value),
                f"one of {', '.join(sorted(there)) or 'none: nothing of that kind is there'}",
                "A receiver of nothing is a mistake: correct it, or add it to its bank",
            )


def _form(form: Raw) -> Iterator[Trouble]:
    """A form of nothing, or with a key that changes nothing in it."""
    name, kinds = form.text("form"), form.values.get("kinds")
    possible = KINDS.get(name, ())
    if possible and isinstance(kinds, tuple) and kinds and not set(possible).intersection(kinds):
        yield form.trouble(
            "kinds",
            f"{' or '.join(possible)} among them",
            f"{name} is made of nothing else: correct it, or choose another form",
        )
    for key in form.values:
        if why := ignored(name, key):
            yield form.trouble(key, f"no such key {why}", "Remove it, or choose another form")


def _own_names(receivers: list[Raw], banks: set[str]) -> Iterator[Trouble]:
    """Two receivers in one folder would each take the other's files."""
    taken = {*banks, _ANSWERS}
    for receiver in receivers:
        name = receiver.text("name")
        if not name:
            continue
        if name in taken:
            yield receiver.trouble(
                "name",
                "a name of its own, of no bank and no other receiver",
                f"inbox/{name}/ has its own use; choose another name",
            )
        taken.add(name)


def _folders_apart(root: Raw, base: Path) -> Iterator[Trouble]:
    """What a receiver takes away, or clears, must be its own files and nothing else."""
    rooms = _rooms(root, base)
    later: list[tuple[Raw, Path]] = []
    for receiver in root.tables("export"):
        if receiver.has("folder"):
            later.append((receiver, _real(base, receiver.text("folder"))))
        else:
            name = receiver.text("name")
            rooms[f"receiver {name}"] = _real(base, _room(root, "inbox"), name)
    for receiver, ours in later:
        for what, theirs in rooms.items():
            if ours.is_relative_to(theirs) or theirs.is_relative_to(ours):
                expected = f"a folder of its own, apart from {what}"
                remedy = "Neither may lie inside of the other: choose another place"
                yield receiver.trouble("folder", expected, remedy)
                break
        rooms[f"receiver {receiver.text('name')}"] = ours


def _rooms(root: Raw, base: Path) -> dict[str, Path]:
    """The places of h2h that are no receiver's."""
    workspace = root.table("h2h")
    database = workspace.text("database", Workspace.model_fields["database"].default)
    inbox = _room(root, "inbox")
    rooms = {
        "the outbox": _real(base, _room(root, "outbox")),
        "the archive": _real(base, _room(root, "archive")),
    }
    if not database.startswith(POSTGRESQL):
        rooms["the ledger"] = _real(base, database.removeprefix("sqlite:///"))
    names = (*map(str, root.table("banks").values), _ANSWERS)
    return rooms | {f"inbox/{name}/": _real(base, inbox, name) for name in names}


def _room(root: Raw, name: str) -> str:
    return root.table("h2h").text(name, Workspace.model_fields[name].default)


def _real(base: Path, *parts: str) -> Path:
    """The place itself, behind links and dots, as far as it is there."""
    place = base.joinpath(*parts)
    try:
        return place.resolve()
    except (OSError, ValueError, RuntimeError):  # a circle of links, or no path at all
        return place
