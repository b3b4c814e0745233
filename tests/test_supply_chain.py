"""What h2h is made of: all of it locked by hash, named in the bill of materials, and audited."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.lock"


def locked() -> Mapping[tuple[str, str], set[str]]:
    """(name, version) -> its SHA-256 hashes, read from the lock itself."""
    parts: dict[tuple[str, str], set[str]] = {}
    for block in re.split(r"\n(?=\S)", LOCK.read_text()):
        head = re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", block)
        if head is not None:
            parts[head[1].lower(), head[2]] = set(re.findall(r"sha256:([0-9a-f]{64})", block))
    return parts


def recipe(target: str) -> str:
    """The lines that make runs for a target."""
    text = (ROOT / "Makefile").read_text()
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", text, re.MULTILINE)
    assert found is not None
    return found[1]


def test_every_locked_package_has_a_hash_and_no_address() -> None:
    parts = locked()
    assert len(parts) > 100
    assert [name for name, hashes in parts.items() if not hashes] == []
    assert "://" not in LOCK.read_text()
    assert "--require-hashes" in recipe(r"\$\(STAMP\)")


def test_the_bill_of_materials_names_each_locked_package_with_its_hashes(tmp_path: Path) -> None:
    (line,) = (line for line in recipe("check").splitlines() if "cyclonedx" in line)
    assert line.split()[-3:] == ["-o", "build/sbom.json", "requirements.lock"]
    options = line.split()[1:-3]
    bill = tmp_path / "sbom.json"
    program = str(Path(sys.executable).with_name("cyclonedx-py"))
    command = [program, *options, "--no-validate", "-o", str(bill), str(LOCK)]
    subprocess.run(command, check=True, capture_output=True)
    told = json.loads(bill.read_text())
    assert told["bomFormat"] == "CycloneDX"
    named = {
        (part["name"].lower(), part["version"]): {
            one["content"]
            for reference in part["externalReferences"]
            for one in reference.get("hashes", ())
            if one["alg"] == "SHA-256"
        }
        for part in told["components"]
    }
    assert named == locked()


def test_the_bill_is_made_and_not_kept() -> None:
    assert "build/" in (ROOT / ".gitignore").read_text().splitlines()


# --------------------------------------------------------------------------------------- the audit


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", ROOT / "tools" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answer(*packages: Mapping[str, object]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


CLEAN = {"name": "lxml", "version": "6.1.3", "vulns": []}
FLAWED = {
    "name": "paramiko",
    "version": "1.0",
    "vulns": [{"id": "CVE-2023-48795", "fix_versions": ["3.4.0"], "aliases": []}],
}
UNKNOWN = {"name": "click", "skip_reason": "Dependency not found on the index"}


@pytest.mark.parametrize(
    ("told", "said", "code", "strictly", "words"),
    [
        (answer(CLEAN), "", 0, 0, "no known vulnerability in 1 packages"),
        (answer(CLEAN, FLAWED), "", 1, 1, "paramiko 1.0: CVE-2023-48795, mended in 3.4.0"),
        (answer(FLAWED, UNKNOWN), "", 1, 1, "KNOWN VULNERABILITIES"),
        (answer(UNKNOWN, UNKNOWN), "", 0, 1, "NOT AUDITED: the service answered about none of"),
        (answer(), "", 0, 1, "NOT AUDITED"),
        (answer(CLEAN, UNKNOWN), "", 0, 1, "NOT AUDITED: the service does not know click"),
        ("", "ERROR\nConnectionError: no route\n", 0, 1, r"reached \(ConnectionError: no route\)"),
        ("{}", "", 0, 1, r"NOT AUDITED: no vulnerability service was reached \(it said nothing\)"),
    ],
)
def test_what_was_not_audited_is_said_and_a_known_flaw_fails(
    tool: ModuleType, told: str, said: str, code: int, strictly: int, words: str
) -> None:
    assert tool.verdict(told, said, strict=False).code == code
    assert tool.verdict(told, said, strict=True).code == strictly
    assert re.search(words, tool.verdict(told, said, strict=False).words)


def test_the_audit_asks_about_the_lock_with_its_hashes(tool: ModuleType, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    script = (
        "import json, pathlib, sys\n"
        f"pathlib.Path({str(seen)!r}).write_text(json.dumps(sys.argv[1:]))\n"
        f"print({answer(CLEAN)!r})\n"
    )
    result = tool.audit([sys.executable, "-c", script], LOCK, strict=True)
    assert result == (0, "audit: no known vulnerability in 1 packages")
    asked = json.loads(seen.read_text())
    assert {"--require-hashes", "--disable-pip", str(LOCK)} <= set(asked)


def test_a_missing_pip_audit_is_said(tool: ModuleType, tmp_path: Path) -> None:
    result = tool.audit([str(tmp_path / "none")], LOCK, strict=False)
    assert result.code == 0
    assert "NOT AUDITED" in result.words


def test_make_check_audits_and_writes_the_bill() -> None:
    assert "tools/audit.py" in recipe("check")
    assert "cyclonedx-py" in recipe("check")
