"""`h2h init` and `h2h config check`: a new workspace, and what is still to be done in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from h2h.cli.config import config
from h2h.cli.init import init
from h2h.errors import ConfigError


def check(*arguments: str, chosen: Path | None = None) -> Result:
    return CliRunner().invoke(config, ["check", *arguments], obj=chosen)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "new" / "workspace"
    made = CliRunner().invoke(init, [str(folder)])
    assert made.exit_code == 0, made.output
    return folder


def test_a_new_workspace_has_its_doors_and_nobody_else_may_enter(workspace: Path) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in workspace.iterdir()}
    assert modes == {
        "archive": 0o700,
        "config.toml": 0o600,
        "inbox": 0o700,
        "keys": 0o700,
        "outbox": 0o700,
    }
    assert workspace.stat().st_mode & 0o777 == 0o700


def test_init_names_what_only_the_user_can_supply_and_the_next_move(tmp_path: Path) -> None:
    made = CliRunner().invoke(init, [str(tmp_path / "ws")])
    for key in ("sftp.hosts", "sftp.private_key", "sftp.host_keys", "pgp.home", "pgp.sign_with"):
        assert f"banks.acme.{key}" in made.output
    assert f"h2h config check --config {tmp_path / 'ws' / 'config.toml'}" in made.output


def test_the_lines_of_receivers_are_named_as_examples(workspace: Path) -> None:
    head, receivers = (workspace / "config.toml").read_text().split("who gets what")
    assert "those of [[export]] examples" in head
    assert "# Examples, not defaults" in receivers


def test_init_tells_programs_the_same(tmp_path: Path) -> None:
    made = CliRunner().invoke(init, [str(tmp_path / "ws"), "--json"])
    [line] = made.output.splitlines()
    answer = json.loads(line)
    assert answer["workspace"] == str(tmp_path / "ws")
    assert answer["config"] == str(tmp_path / "ws" / "config.toml")
    assert {finding["file"] for finding in answer["to_do"]} == {answer["config"]}


def test_an_empty_folder_becomes_private(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert CliRunner().invoke(init, [str(tmp_path)]).exit_code == 0
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_holds_something_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("mine")
    tmp_path.chmod(0o755)
    refused = CliRunner().invoke(init, [str(tmp_path)])
    assert isinstance(refused.exception, ConfigError)
    assert "not empty" in refused.exception.cause
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]
    assert (tmp_path / "config.toml").read_text() == "mine"
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_a_file_in_the_way_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "ws").write_text("")
    refused = CliRunner().invoke(init, [str(tmp_path / "ws")])
    assert isinstance(refused.exception, ConfigError)
    assert "cannot be made a workspace" in refused.exception.cause


def test_the_example_is_right_straight_after_init(workspace: Path) -> None:
    checked = check("--config", str(workspace / "config.toml"))
    assert checked.exit_code == 0
    assert "is right; 7 left to do" in checked.output


def test_check_looks_where_h2h_was_told_to_else_here(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert check(chosen=workspace / "config.toml").exit_code == 0
    monkeypatch.chdir(workspace)
    assert check().exit_code == 0
    monkeypatch.chdir(tmp_path)
    assert check().exit_code == 2


def test_every_problem_is_printed_and_the_exit_says_wrong_configuration(workspace: Path) -> None:
    path = workspace / "config.toml"
    text = path.read_text().replace('"ECB"', '"ECBX"').replace('"file:keys/acme-ssh"', '"hunter2"')
    path.write_text(text)
    checked = check("--config", str(path))
    assert checked.exit_code == 2
    assert "banks.acme.calendar" in checked.output
    assert "banks.acme.sftp.private_key" in checked.output
    assert "2 to mend" in checked.output
    assert "hunter2" not in checked.output


def test_check_tells_programs_the_same(workspace: Path) -> None:
    path = workspace / "config.toml"
    [line] = check("--config", str(path), "--json").output.splitlines()
    right = json.loads(line)
    assert (right["file"], right["valid"], right["problems"]) == (str(path), True, [])
    assert len(right["to_do"]) == 7
    path.write_text(path.read_text().replace('"ECB"', '"ECBX"'))
    checked = check("--config", str(path), "--json")
    wrong = json.loads(checked.output)
    assert checked.exit_code == 2
    assert (wrong["valid"], wrong["to_do"]) == (False, [])
    [problem] = wrong["problems"]
    assert problem["key"] == "banks.acme.calendar"
    assert problem["line"] == 1 + path.read_text().splitlines().index(
        next(line for line in path.read_text().splitlines() if "ECBX" in line)
    )
    assert set(problem) == {"file", "line", "key", "found", "expected", "remedy"}


def test_a_profile_that_is_not_there_is_named_on_its_line(workspace: Path) -> None:
    path = workspace / "config.toml"
    text = path.read_text()
    path.write_text(text.replace('# profile = "sepa" ', 'profile = "spea" '))
    checked = check("--config", str(path), "--json")
    [problem] = json.loads(checked.output)["problems"]
    assert checked.exit_code == 2
    assert (problem["key"], problem["found"]) == ("banks.acme.profile", "'spea'")
    assert "sepa-instant" in problem["expected"]
    lines = path.read_text().splitlines()
    assert lines[problem["line"] - 1].startswith('profile = "spea"')
    path.write_text(text.replace('# profile = "sepa" ', 'profile = "sepa" '))
    assert check("--config", str(path)).exit_code == 0
