"""Asks a vulnerability service about every locked package, and says so when it got no answer.

`pip-audit` ends well when its service knows none of the packages: a mirror that answers nothing
about vulnerabilities would look like a clean bill. Here whatever was not audited is named. Known
vulnerabilities fail; a service that was not reached does not, so that `make check` works offline,
unless H2H_AUDIT=strict says that a release hangs on it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

LOCK = Path(__file__).resolve().parent.parent / "requirements.lock"
_OPTIONS = ("--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off")


class Verdict(NamedTuple):
    """What came out of an audit."""

    code: int
    words: str


def verdict(answer: str, said: str, *, strict: bool) -> Verdict:
    """Judge what pip-audit wrote: its JSON `answer`, and what it `said` beside."""
    try:
        packages = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = (said.strip().splitlines() or ["it said nothing"])[-1]
        return _not_audited(f"no vulnerability service was reached ({last})", strict=strict)
    found = [
        f"{each['name']} {each['version']}: {flaw['id']}, mended in "
        f"{', '.join(flaw['fix_versions']) or 'no version yet'}"
        for each in packages
        for flaw in each.get("vulns", ())
    ]
    if found:
        return Verdict(1, "\n".join(["audit: KNOWN VULNERABILITIES", *found]))
    unknown = [each["name"] for each in packages if "skip_reason" in each]
    if not packages or len(unknown) == len(packages):
        why = f"the service answered about none of the {len(packages)} packages"
        return _not_audited(why, strict=strict)
    if unknown:
        return _not_audited(f"the service does not know {', '.join(unknown)}", strict=strict)
    return Verdict(0, f"audit: no known vulnerability in {len(packages)} packages")


def _not_audited(why: str, *, strict: bool) -> Verdict:
    return Verdict(
        int(strict),
        f"audit: NOT AUDITED: {why}.\n"
        "audit: run `make check` where a vulnerability service answers before a release.",
    )


def audit(command: Sequence[str], lock: Path, *, strict: bool) -> Verdict:
    """Run pip-audit (as `command`) over `lock`."""
    try:
        done = subprocess.run(
            [*command, *_OPTIONS, "-r", str(lock)],
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return verdict("", f"{type(error).__name__}: {error}", strict=strict)
    return verdict(done.stdout, done.stderr, strict=strict)


if __name__ == "__main__":
    result = audit(
        [sys.executable, "-m", "pip_audit"], LOCK, strict=os.environ.get("H2H_AUDIT") == "strict"
    )
    sys.stdout.write(result.words + "\n")
    sys.exit(result.code)
