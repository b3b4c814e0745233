"""The pages of docs/ say what the code does."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest

from h2h.adapters.profiles import profile_names
from h2h.cli import root as cli
from h2h.core.problem import Severity
from h2h.core.rules import RULES
from h2h.core.rules.fixed import FIXED

REPOSITORY = Path(__file__).parent.parent
PACKAGE = REPOSITORY / "h2h"
# Where problems of payment files are made that no rule has found.
MAKERS = (
    "adapters/messages/iso20022/check.py",
    "adapters/messages/iso20022/xml.py",
    "core/duplicates.py",
    "flows/outbound.py",
)


@pytest.fixture(scope="module")
def rules_page() -> ModuleType:
    """The script that writes docs/rules.md."""
    spec = importlib.util.spec_from_file_location("rules_page", REPOSITORY / "tools" / "rules.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rule_lines() -> dict[str, str]:
    """Each line of a table of docs/rules.md, by the id that it begins with."""
    page = (REPOSITORY / "docs" / "rules.md").read_text("utf-8")
    return {
        found[1]: found[0] for found in re.finditer(r"^\| `([a-z-]+)` \|.*$", page, re.MULTILINE)
    }


def test_the_page_of_rules_is_what_the_rules_are_now(rules_page: ModuleType) -> None:
    written = (REPOSITORY / "docs" / "rules.md").read_text("utf-8")
    assert written == rules_page.page(), "stale: run `make rules`"


def test_every_rule_is_on_the_page_with_its_code_source_and_remedy() -> None:
    told = rule_lines()
    assert told.keys() == {rule.id for rule in RULES} | {fixed.id for fixed in FIXED}
    for rule in RULES:
        for words in (rule.severity, rule.code, rule.source, rule.remedy):
            assert words in told[rule.id], rule.id


def test_no_two_rules_have_one_id() -> None:
    ids = [*(rule.id for rule in RULES), *(fixed.id for fixed in FIXED)]
    assert len(ids) == len(set(ids))


def test_every_problem_that_no_rule_finds_is_on_the_page_too() -> None:
    made = {rule for name in MAKERS for rule in ids_made_in(PACKAGE / name)}
    assert {"doctype", "routing", "byte-order-mark", "similar-payment"} <= made
    assert made <= {fixed.id for fixed in FIXED}


def ids_made_in(path: Path) -> Iterator[str]:
    """The first arguments of what makes a problem: literals, or names of literals of the module."""
    tree = ast.parse(path.read_text("utf-8"))
    names: dict[str, str] = {}
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                pairs = zip(targets, values, strict=True)
                names |= {ast.unparse(name): str(ast.literal_eval(value)) for name, value in pairs}
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=function, args=[ast.Constant(value=str(rule)), *_]):
                if ast.unparse(function) in {"Problem", "refuse", "xml.refuse", "self._told"}:
                    yield rule
            case ast.Call(func=ast.Name(id="Problem"), args=[ast.Name(id=name), *_]):
                if name in names:
                    yield names[name]


def test_every_reason_code_of_a_fixed_id_is_one() -> None:
    for fixed in FIXED:
        assert isinstance(fixed.severity, Severity)
        assert re.fullmatch(r"([A-Z]{2}[0-9A-Z]{2})?|by fault.*", fixed.code), fixed.id


def test_the_page_of_profiles_has_them_all() -> None:
    page = (REPOSITORY / "docs" / "profiles.md").read_text("utf-8")
    headings = re.findall(r"^## `([a-z-]+)`$", page, re.MULTILINE)
    rows = re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE)
    assert sorted(headings) == sorted(rows) == [*profile_names()]


def test_what_the_pages_point_at_is_there() -> None:
    for path in (REPOSITORY / "docs").glob("*.md"):
        for target in re.findall(r"\]\(([\w./-]+)\)", path.read_text("utf-8")):
            assert (path.parent / target).exists(), f"{path.name} points at {target}"


# ---------------------------------------------------------------------------------------- commands

_FENCED = re.compile(r"^```.*?^```|(?<=\n\n)(?: {4}[^\n]*\n)+", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"(?:^\s*(?:\S*/)?|`(?:\S*/)?|&& )h2h ([^`\n#|>&;]+)", re.MULTILINE)


def test_every_command_on_the_pages_and_in_remedies_is_one_with_its_options() -> None:
    pages = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")]
    written = [(page.name, told) for page in pages for told in commands_on(page)]
    for source in PACKAGE.rglob("*.py"):
        text = source.read_text("utf-8")
        written += [(source.name, each[1]) for each in re.finditer(r"`h2h ([^`\n{]+)", text)]
    assert len(written) > 300
    assert [(place, told, why) for place, told in written if (why := unknown_in(told))] == []


def commands_on(page: Path) -> Iterator[str]:
    """What stands behind `h2h` in code, on lines of its own or among words."""
    text = page.read_text("utf-8").replace("\\\n", " ")
    for block in _FENCED.findall(text):
        yield from _COMMAND.findall(block)
    yield from re.findall(r"`h2h ([^`\n]+)`", _FENCED.sub("", text))


def unknown_in(told: str) -> str:
    """What of a command there is not: a word that is no command of its group, or an option."""
    command: click.Command = cli
    words = iter(told.split())
    for word in words:
        plain = word.strip("[](),.…'\"")
        if plain.startswith("-"):
            option = next(
                (p for p in command.params if plain in (*p.opts, *p.secondary_opts)), None
            )
            if option is None and plain not in {"-h", "--help", "-"}:
                return plain
            if isinstance(option, click.Option) and not option.is_flag:
                next(words, None)
        elif isinstance(command, click.Group) and plain and not plain.isupper():
            found = command.get_command(click.Context(command), plain)
            if found is None:
                return plain
            command = found
    return ""
