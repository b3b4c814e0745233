"""What stands in the folder is what the dictionary says, whole, pinned and usable."""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import xmlschema
from lxml import etree

from .oracles import NAMESPACE, SCHEMAS, messages, ours


def generate(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The generator of a folder, run there."""
    command = [sys.executable, str(folder / "generate.py"), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the folder to break."""
    return Path(shutil.copytree(SCHEMAS, tmp_path / "schemas"))


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), "utf-8")


def test_no_drift() -> None:
    ran = generate(SCHEMAS, "--check")
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_schema_changed_by_hand_is_drift_and_is_written_again(copy: Path) -> None:
    change(copy / "pain.001.001.03.xsd", 'value="[A-Z]{3,3}"', 'value="[A-Z]{3,4}"')
    (copy / "camt.053.001.08.xsd").unlink()
    ran = generate(copy, "--check")
    assert ran.returncode == 1
    assert [line.split()[0] for line in ran.stderr.splitlines()] == [
        "pain.001.001.03.xsd", "camt.053.001.08.xsd",
    ]  # fmt: skip
    assert generate(copy).returncode == 0
    assert generate(copy, "--check").returncode == 0
    for name in (f"{message}.xsd" for message in messages()):
        assert (copy / name).read_bytes() == (SCHEMAS / name).read_bytes()


def test_a_changed_dictionary_is_drift_in_the_sums_too(copy: Path) -> None:
    change(copy / "dictionary.txt", "\ntext Max34Text 1..34", "\ntext Max34Text 1..33")
    ran = generate(copy, "--check")
    assert ran.returncode == 1
    assert "SHA256SUMS" in ran.stderr


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("\ntext Max34Text 1..34", "\ntext Max34Text 1-34", "not the facts of a text"),
        ("\ntext Max34Text ", "\ntext Max35Text ", "given twice"),
        ("\ntext Max34Text ", "\nwords Max34Text ", "an unknown kind"),
        ("\ntext Max34Text ", "\ntext Max33Text ", "Max34Text"),
        ("\ntext Max34Text 1..34", "\ntext Max34Text 1..34\ntext Max33Text 1..33", "in no message"),
        ("\nsequence Garnishment3 Tp:", "\nsequence Garnishment3 Tp!:", "not a child"),
    ],
)
def test_a_broken_dictionary_is_refused(copy: Path, old: str, new: str, complaint: str) -> None:
    change(copy / "dictionary.txt", old, new)
    ran = generate(copy)
    assert ran.returncode != 0
    assert complaint in ran.stderr
    assert generate(SCHEMAS, "--check").returncode == 0


def test_the_sums_are_the_files() -> None:
    lines = (SCHEMAS / "SHA256SUMS").read_text("ascii").splitlines()
    pinned = {name: digest for digest, name in (line.split("  ") for line in lines)}
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in map(ours, messages())
    }
    assert pinned == found


@pytest.mark.parametrize("message", messages())
def test_both_libraries_compile_it(message: str) -> None:
    etree.XMLSchema(etree.parse(ours(message)))
    schema = xmlschema.XMLSchema(str(ours(message)))
    assert schema.target_namespace == NAMESPACE + message
    assert list(schema.elements) == ["Document"]
    assert schema.elements["Document"].qualified


@pytest.mark.parametrize("message", messages())
def test_nothing_foreign_is_in_it(message: str) -> None:
    """No annotation, and no comment but the one that says where the file comes from."""
    text = ours(message).read_text("utf-8")
    assert re.findall("<!--.*?-->", text, re.DOTALL) == re.findall(
        "<!--.*dictionary.txt.*-->", text
    )
    assert text.count("<!--") == 1
    assert "annotation" not in text


def test_the_dictionary_is_one_sorted_line_a_type() -> None:
    """By kind, then by name: a type is found where it is looked for."""
    lines = (SCHEMAS / "dictionary.txt").read_text("utf-8").splitlines()
    types = [line.split(" ")[:2] for line in lines if line and line[0] not in "#m"]
    for kind in {kind for kind, _ in types}:
        names = [name for of, name in types if of == kind]
        assert names == sorted(names), kind
    assert len({name for _, name in types}) == len(types)
