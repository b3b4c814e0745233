"""`[[alerts]]` in config.toml: what it makes of channels, and how its mistakes are named."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from h2h.adapters.channels import AppriseChannel, MailChannel, WebhookChannel
from h2h.config import ConfigProblems, load
from h2h.config.to_do import left_to_do
from h2h.wiring import channel_of

EXAMPLE = (Path(__file__).parents[2] / "config.toml").read_text()
MAIL = 'mail = { server = "smtp.acme.example", sender = "h@acme.example", to = ["c@acme.example"]'
HOOK = 'webhook = { url = "https://hooks.acme.example/x" }\n'


def written(folder: Path, *tables: str) -> Path:
    path = folder / "config.toml"
    path.write_text(EXAMPLE + "".join(f"\n[[alerts]]\n{table}" for table in tables))
    return path


def test_each_way_makes_its_channel_with_what_it_wants(tmp_path: Path) -> None:
    wants = 'events = ["sent"]\nseverities = ["info"]\nbanks = ["acme"]\ncollect = 5\n'
    path = written(
        tmp_path,
        f'name = "mail"\n{MAIL} }}\n{wants}',
        f'name = "hook"\n{HOOK}',
        'name = "chat"\napprise = { urls = ["cred:teams"] }\n',
    )
    mail, hook, chat = map(channel_of, load(path).alerts)
    assert [type(each) for each in (mail, hook, chat)] == [
        MailChannel,
        WebhookChannel,
        AppriseChannel,
    ]
    assert mail.interest.events == {"sent"}
    assert mail.interest.levels == {"info"}
    assert mail.interest.banks == {"acme"}
    assert mail.interest.collect == timedelta(seconds=5)
    assert hook.interest.levels == {"critical", "warning"}


@pytest.mark.parametrize(
    ("table", "place", "expected"),
    [
        ('name = "x"\n', "alerts[1]", "one of mail, webhook, apprise"),
        (f'name = "x"\n{MAIL} }}\n{HOOK}', "alerts[1]", "one of mail, webhook, apprise"),
        (f'name = "x"\n{HOOK}banks = ["nix"]\n', "alerts[1].banks[1]", "one of acme"),
        (f'name = "x"\n{HOOK}events = ["in_dout"]\n', "alerts[1].events[1]", "in_doubt"),
        (f'name = "x"\n{HOOK}severities = ["bad"]\n', "alerts[1].severities[1]", "critical"),
        (f'name = "x"\n{MAIL}, username = "u" }}\n', "alerts[1].mail.password", "both"),
        (
            f'name = "x"\n{MAIL}, tls = "none", username = "u", password = "cred:p" }}\n',
            "alerts[1].mail.tls",
            "hides the password",
        ),
        (
            f'name = "x"\n{MAIL}, username = "u", password = "hunter2" }}\n',
            "alerts[1].mail.password",
            "where the secret is",
        ),
        (
            'name = "x"\nmail = { server = "s", sender = "a\\nBcc: e@x", to = ["c@d"] }\n',
            "alerts[1].mail.sender",
            "one line",
        ),
        (
            'name = "x"\nwebhook = { url = "http://away.example/x" }\n',
            "alerts[1].webhook.url",
            "https",
        ),
        (
            'name = "x"\nwebhook = { url = "https://user:pw@away.example/x" }\n',
            "alerts[1].webhook.url",
            "https",
        ),
        (
            'name = "x"\napprise = { urls = ["json://secret@away"] }\n',
            "alerts[1].apprise.urls[1]",
            "where the secret is",
        ),
    ],
)
def test_a_mistake_is_named_at_its_place(
    tmp_path: Path, table: str, place: str, expected: str
) -> None:
    with pytest.raises(ConfigProblems) as caught:
        load(written(tmp_path, table))
    [finding] = caught.value.findings
    assert finding.key == place
    assert expected in finding.expected
    assert "hunter2" not in str(caught.value)


def test_two_channels_have_two_names(tmp_path: Path) -> None:
    with pytest.raises(ConfigProblems, match=r"alerts\[2\]\.name"):
        load(written(tmp_path, f'name = "x"\n{HOOK}', f'name = "x"\n{HOOK}'))


def test_a_secret_that_is_not_there_is_left_to_do(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        'name = "hook"\nwebhook = { url = "env:NO_SUCH_HOOK", token = "env:NO_SUCH_TOKEN" }\n',
        'name = "chat"\napprise = { urls = ["env:NO_SUCH_CHAT"] }\n',
    )
    keys = [finding.key for finding in left_to_do(path, load(path))]
    assert [key for key in keys if key.startswith("alerts")] == [
        "alerts[1].webhook.url",
        "alerts[1].webhook.token",
        "alerts[2].apprise.urls[1]",
    ]
