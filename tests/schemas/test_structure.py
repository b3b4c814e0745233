"""The dictionary's facts are the standard's: our schemas against what others publish.

What a file of another publisher gets wrong is named here with its reason; nothing is let pass
by a loose comparison.
"""

import runpy
from collections.abc import Callable
from functools import cache

import pytest

from .oracles import (
    ROOT,
    SCHEMAS,
    XS,
    Shape,
    Structure,
    dataclasses,
    messages,
    ours,
    published,
    rivals,
    structure,
    structure_of,
    transcribed,
    view,
)

# How many schemas of each message the publishers carry: one that goes missing is noticed.
CARRIED = {
    "pain.001.001.03": 3,
    "pain.001.001.09": 2,
    "pain.001.001.10": 2,
    "pain.001.001.11": 2,
    "pain.001.001.12": 1,
    "pain.002.001.03": 1,
    "pain.002.001.10": 0,
    "pain.002.001.12": 1,
    "pain.002.001.14": 1,
    "pain.008.001.02": 2,
    "pain.008.001.08": 2,
    "camt.029.001.09": 0,
    "camt.052.001.02": 1,
    "camt.052.001.04": 1,
    "camt.052.001.06": 1,
    "camt.052.001.08": 1,
    "camt.052.001.10": 1,
    "camt.052.001.12": 1,
    "camt.053.001.02": 1,
    "camt.053.001.04": 1,
    "camt.053.001.06": 1,
    "camt.053.001.08": 2,
    "camt.053.001.10": 1,
    "camt.053.001.12": 1,
    "camt.054.001.02": 1,
    "camt.054.001.04": 1,
    "camt.054.001.06": 1,
    "camt.054.001.08": 1,
    "camt.054.001.10": 1,
    "camt.054.001.12": 1,
    "camt.055.001.08": 0,
}

# The messages that nobody publishes a schema of, and how many of their types no published schema
# has: for these the dataclasses alone speak.
UNPUBLISHED = {"pain.002.001.10": 5, "camt.029.001.09": 38, "camt.055.001.08": 15}

# A message without dataclasses: its sister that has them, and the types which only it has.
SISTERS = {
    "pain.008.001.08": (
        "pain.008.001.09",
        {"CustomerDirectDebitInitiationV08", "PaymentInstruction29"},
    ),
}

# A publisher's type that is not the standard's.
MISSPELT = {
    # A hand-written excerpt, by its own first comment. It names the amount's decimal type without
    # the underscore; every other file that has it, of the same publisher too, names it as we do.
    ("pacs.004.001.11.xsd", "ActiveCurrencyAndAmount"),
}


def all_published() -> Structure:
    """Every type that a publisher carries in any message; each name has one meaning."""
    found: Structure = {}
    for path in published():
        for name, shape in structure(path).items():
            if name not in (ROOT, "Document") and (path.name, name) not in MISSPELT:
                assert found.setdefault(name, shape) == shape, f"{name} differs in {path.name}"
    return found


def test_no_oracle_is_missing() -> None:
    assert {message: len(rivals(message)) for message in messages()} == CARRIED
    assert len(published()) >= 70


@pytest.mark.parametrize("message", [name for name, count in CARRIED.items() if count])
def test_same_structure_as_every_published_schema(message: str) -> None:
    for rival in rivals(message):
        assert structure(ours(message)) == structure(rival), rival


@pytest.mark.parametrize("message", [name for name in messages() if name not in SISTERS])
def test_same_elements_bounds_and_facets_as_the_dataclasses(message: str) -> None:
    assert view(structure(ours(message))) == dataclasses(message)


@pytest.mark.parametrize("message", SISTERS)
def test_what_has_no_dataclasses_is_made_of_its_sisters(message: str) -> None:
    sister, alone = SISTERS[message]
    shown, classes = view(structure(ours(message))), dataclasses(sister)
    assert shown.keys() - classes.keys() == alone
    shared = shown.keys() - alone - {"Document"}
    assert {name: shown[name] for name in shared} == {name: classes[name] for name in shared}


@pytest.mark.parametrize("message", SISTERS)
def test_what_has_no_dataclasses_still_has_none(message: str) -> None:
    """An exception that is no longer needed goes."""
    with pytest.raises(FileNotFoundError, match=message):
        dataclasses(message)


def test_a_type_means_the_same_in_every_message_published() -> None:
    theirs = all_published()
    for message in messages():
        for name, shape in structure(ours(message)).items():
            if name in theirs:
                assert shape == theirs[name], f"{name} in {message}"


@cache
def alone(message: str) -> frozenset[str]:
    """The types of a message that no published schema has."""
    return frozenset(structure(ours(message)).keys() - all_published().keys() - {ROOT, "Document"})


def unpublished() -> frozenset[str]:
    """The same, of all messages."""
    return frozenset().union(*map(alone, UNPUBLISHED))


def test_only_messages_that_nobody_publishes_have_types_that_nobody_publishes() -> None:
    assert {name: len(alone(name)) for name in messages() if alone(name)} == UNPUBLISHED
    assert UNPUBLISHED.keys() == {name for name, count in CARRIED.items() if not count}


def test_misspelt_types_are_still_misspelt() -> None:
    """An exception that is no longer needed goes."""
    theirs = all_published()
    for file, name in MISSPELT:
        (path,) = (path for path in published() if path.name == file)
        assert structure(path)[name] != theirs[name]


def test_transcribed_dataclasses_are_the_published_schema() -> None:
    """The reference for a message that nobody publishes is made right: seen where both exist."""
    for message in ("pain.001.001.09", *UNPUBLISHED):
        made = structure_of(transcribed(message))
        assert view(made) == dataclasses(message)
        published_models = {
            name: shape[0] for name, shape in structure(ours(message)).items() if name in made
        }
        assert {name: made[name][0] for name in published_models} == published_models


# ---- These comparisons must be able to fail: every fact changed alone is noticed.

Change = Callable[[list[str], int], list[str]]
COMPLEX = ("sequence", "choice", "any", "amount")


def drop(children: list[str], at: int) -> list[str]:
    return children[:at] + children[at + 1 :]


def swap(children: list[str], at: int) -> list[str]:
    """With the next one; the last has none."""
    return children[:at] + children[at : at + 2][::-1] + children[at + 2 :]


def double(children: list[str], at: int) -> list[str]:
    return children[: at + 1] + children[at:]


def rename(children: list[str], at: int) -> list[str]:
    return [*children[:at], "X" + children[at], *children[at + 1 :]]


def rebound(children: list[str], at: int) -> list[str]:
    """But not + to *: a dataclass does not show whether a child of a choice may be absent."""
    tag, _, kind = children[at].partition(":")
    plain = tag.rstrip("?*+").partition("[")[0]
    other = {"*": "[0..9]", "+": "[1..9]"}.get(tag[-1], "*")
    return [*children[:at], f"{plain}{other}:{kind}", *children[at + 1 :]]


def retype(children: list[str], at: int) -> list[str]:
    tag, _, kind = children[at].partition(":")
    other = "GroupHeader86" if kind != "GroupHeader86" else "GroupHeader32"
    return [*children[:at], f"{tag}:{other}", *children[at + 1 :]]


def lines() -> list[list[str]]:
    """The dictionary's types: kind, name and facts, each a word."""
    text = (SCHEMAS / "dictionary.txt").read_text("utf-8")
    found = [line.split(" ") for line in text.splitlines() if line and line[0] != "#"]
    return [line for line in found if line[0] != "message"]


@cache
def generator() -> dict[str, Callable[[str, str, str], str]]:
    """What stands in the generator, by name."""
    return runpy.run_path(str(SCHEMAS / "generate.py"))


@cache
def generated(kind: str, name: str, *facts: str) -> Shape:
    """The canonical structure of one type, as the generator writes its line."""
    write = generator()["complex_" if kind in COMPLEX else "simple"]
    return structure_of(
        f'<xs:schema xmlns:xs="{XS[1:-1]}" elementFormDefault="qualified">'
        f"{write(name, kind, ' '.join(facts))}</xs:schema>"
    )[name]


def noticed(types: list[list[str]]) -> set[str]:
    """The names of the types that differ from what is published, or from the dataclasses."""
    made, theirs = {line[1]: generated(*line) for line in types}, all_published()
    differing = {name for name in made.keys() & theirs.keys() if made[name] != theirs[name]}
    shown = view(made)
    for message in UNPUBLISHED:
        classes = dataclasses(message)
        differing |= {n for n in alone(message) & classes.keys() if shown[n] != classes[n]}
    return differing


def test_the_dictionary_as_it_stands_has_nothing_to_notice() -> None:
    assert noticed(lines()) == set()


@pytest.mark.parametrize("change", [drop, swap, double, rename, rebound, retype])
def test_a_changed_child_is_noticed(change: Change) -> None:
    types = lines()
    most = max(len(line) - 2 for line in types if line[0] in ("sequence", "choice"))
    for at in range(most):
        changed, broken = set(), []
        for kind, name, *facts in types:
            new = change(facts, at) if kind in ("sequence", "choice") and at < len(facts) else facts
            broken.append([kind, name, *new])
            if new != facts:
                changed.add(name)
        assert noticed(broken) == changed


def other(kind: str, facts: list[str]) -> list[list[str]]:
    """The facts of a type without children, each of them wrong once."""
    if kind in ("text", "binary"):
        fewest, most = facts[0].split("..")
        return [[f"{int(fewest) + 1}..{most}"], [f"{fewest}..{int(most) + 1}"]]
    if kind == "number":
        total, fraction = facts[0].split(".")
        digits = [f"{int(total) - 1}.{fraction}", f"{total}.{int(fraction) + 1}"]
        sign = facts[:1] if facts[1:] else [*facts, ">=0"]
        return [*([wrong, *facts[1:]] for wrong in digits), sign]
    if kind == "code":
        fewer = [facts[:at] + facts[at + 1 :] for at in range(len(facts)) if len(facts) > 1]
        return [[*facts, "ZZZZ"], *fewer][:9]
    if kind == "pattern":
        return [[facts[0] + "?"], [facts[0].replace("[", "[_", 1)]]
    if kind == "plain":
        return [["string"]]
    if kind == "amount":
        value, currency = facts
        return [
            [value, currency.replace("Ccy", "Cur")],
            ["value:DecimalNumber", currency],
            [value, "Ccy:CountryCode"],
        ]
    return []


def test_a_changed_facet_is_noticed() -> None:
    types = lines()
    for at in range(9):
        changed, broken = set(), []
        for kind, name, *facts in types:
            wrong = other(kind, facts)
            broken.append([kind, name, *(wrong[at] if at < len(wrong) else facts)])
            if at < len(wrong):
                changed.add(name)
        # The unpublished types show their children's facets, so they differ too.
        assert noticed(broken) - unpublished() == changed - unpublished()


def test_a_changed_facet_that_nobody_publishes_is_noticed_where_it_stands() -> None:
    """A class shows the facets of its fields; only codes have a class of their own."""
    types = lines()
    tried = 0
    for at, (kind, name, *facts) in enumerate(types):
        for wrong in other(kind, facts) if name in unpublished() else []:
            users = {line[1] for line in types if any(fact.endswith(f":{name}") for fact in line)}
            broken = [*types[:at], [kind, name, *wrong], *types[at + 1 :]]
            assert noticed(broken) == ({name} if kind == "code" else users)
            tried += 1
    assert tried > 20


@pytest.mark.parametrize(("kind", "instead"), [("sequence", "choice"), ("choice", "sequence")])
def test_a_choice_for_a_sequence_is_noticed(kind: str, instead: str) -> None:
    broken = [[instead if was == kind else was, *rest] for was, *rest in lines()]
    changed = {name for was, name, *_ in lines() if was == kind}
    assert noticed(broken) == changed - silent()


def silent() -> set[str]:
    """A dataclass does not tell a choice from a sequence whose children are all optional."""
    return {
        name
        for message in UNPUBLISHED
        for name in alone(message)
        if structure(ours(message))[name][0] == "sequence"
        and all(fewest == "0" for _, fewest, *_ in structure(ours(message))[name][1])
    }
