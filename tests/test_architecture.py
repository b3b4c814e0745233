"""The house stands as it was drawn: which part may import which, read from the source itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "h2h"
TERMS = {"ports", "core", "errors"}
FRONT = TERMS | {"wiring", "desk", "flows", "sandbox", "config", "resources"}

# What each part may import besides itself. Nothing points back.
ARROWS: dict[str, set[str]] = {
    "h2h": set(),
    "errors": set(),
    "core": {"errors"},
    "ports": {"core", "errors"},
    "resources": {"errors"},
    "pace": set(),
    "config": {"core", "errors"},
    "flows": TERMS,
    "desk": TERMS | {"flows"},
    "reports": TERMS,
    "adapters": TERMS | {"resources"},
    "export": TERMS | {"resources", "adapters.messages"},
    "sandbox": TERMS | {"adapters", "config", "resources"},
    "wiring": TERMS | {"adapters", "export", "config", "resources", "pace"},
    "daemon": FRONT | {"reports"},
    "asking": TERMS | {"daemon", "flows"},
    "excerpt": {"core"},
    # offline commands (check, read) need no wiring; adapters only inside functions, see below
    "cli": FRONT
    | {"asking", "daemon", "excerpt", "adapters", "console", "export", "pace", "reports"},
    # of the adapters the languages alone
    "console": FRONT | {"adapters", "asking", "daemon", "excerpt", "reports"},
    "__main__": {"cli"},
}
HEAVY = {"sqlalchemy", "alembic", "paramiko", "lxml", "xmlschema", "apscheduler", "gnupg"}
# orjson turns values to text, and touches nothing
PURE = set(sys.stdlib_module_names) | {"holidays", "orjson", "stdnum"}
OUTSIDE_WORLD = {"os", "io", "socket", "subprocess", "shutil", "tempfile", "time", "threading"}

SOURCES = sorted(PACKAGE.rglob("*.py"))
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in SOURCES
}


def part_of(module: str) -> str:
    """The part of the house a module belongs to: `h2h.adapters.sql.room` -> `adapters`."""
    names = module.split(".")
    if len(names) == 1:
        return "h2h"
    return names[1]


def imports(path: Path, *, at_the_top: bool = False) -> Iterator[str]:
    """Full names of the modules that a file imports; those for type checkers only are left out."""
    tree = ast.parse(path.read_bytes())
    for node in _statements(tree, into_functions=not at_the_top):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides its arrow"
            base = node.module or ""
            inner = {f"{base}.{name.name}" for name in node.names} & MODULES
            yield from inner or {base}


def _statements(node: ast.AST, *, into_functions: bool) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and not into_functions:
            continue
        yield child
        yield from _statements(child, into_functions=into_functions)


def _module(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def _allowed(part: str, target: str) -> bool:
    if part_of(target) == part:
        return True
    return any(
        part_of(target) == arrow or target.startswith(f"h2h.{arrow}") for arrow in ARROWS[part]
    )


def _in(part: str) -> list[Path]:
    return [path for path in SOURCES if part_of(_module(path).removesuffix(".__init__")) == part]


def test_every_module_belongs_to_a_part_of_the_house() -> None:
    assert {part_of(module) for module in MODULES} <= ARROWS.keys()


@pytest.mark.parametrize("part", ARROWS)
def test_arrows_point_one_way(part: str) -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {target}"
        for path in _in(part)
        for target in imports(path)
        if target.split(".")[0] == "h2h" and not _allowed(part, target)
    ]
    assert wrong == []


def test_nothing_in_the_arrows_points_back() -> None:
    """The drawing itself has no circle: what a part may import never leads to it again."""
    reached = {part: {arrow.split(".")[0] for arrow in arrows} for part, arrows in ARROWS.items()}
    for _ in ARROWS:
        reached = {
            part: near.union(*(reached[target] for target in near))
            for part, near in reached.items()
        }
    assert [part for part, far in reached.items() if part in far] == []


@pytest.mark.parametrize("part", ["core", "errors", "ports"])
def test_the_core_knows_the_standard_library_and_two_registers_only(part: str) -> None:
    tops = {target.split(".")[0] for path in _in(part) for target in imports(path)}
    assert tops - PURE - {"h2h"} == set()


def test_the_core_touches_no_file_clock_or_network() -> None:
    touched = {
        (path.name, target)
        for path in _in("core")
        for target in imports(path)
        if target.split(".")[0] in OUTSIDE_WORLD
    }
    assert touched == set()


@pytest.mark.parametrize("method", ["now", "today", "utcnow"])
def test_the_core_and_the_flows_read_no_clock(method: str) -> None:
    readers = [
        f"{path.name}:{node.lineno}"
        for path in (*_in("core"), *_in("flows"))
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == method
        and ast.unparse(node.func.value) in {"datetime", "date", "datetime.datetime"}
    ]
    assert readers == []


def test_only_adapters_and_the_daemon_use_the_heavy_libraries() -> None:
    users = {
        (part, target.split(".")[0])
        for part in ARROWS.keys() - {"adapters", "daemon"}
        for path in _in(part)
        for target in imports(path)
        if target.split(".")[0] in HEAVY
    }
    assert users == set()


def test_commands_import_adapters_where_they_are_used() -> None:
    eager = [
        f"{path.name} imports {target}"
        for path in _in("cli")
        for target in imports(path, at_the_top=True)
        if part_of(target) in {"adapters", "wiring", "daemon"}
    ]
    assert eager == []


def test_help_loads_no_heavy_library() -> None:
    program = (
        "import sys\n"
        "from h2h.cli import main\n"
        "sys.argv = ['h2h', '--help']\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    assert not end.code\n"
        "print('loaded', *sorted({name.split('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = done.stdout.rpartition("loaded")[2].split()
    assert "click" in loaded
    assert HEAVY & set(loaded) == set()
