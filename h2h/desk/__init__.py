"""The desk: what a person may do. The shell and the console only call it.

`files` decides over single files and the stop button, `approving` says yes to payment files,
`people` changes who may act, `veil` hides what is confidential. Each act carries a name and a
reason and is a link of the chain; once there are operators, each needs a role (`signing`).
"""

from h2h.desk.approving import approvals_of, approve, approve_by_of, hold
from h2h.desk.files import (
    cancel,
    look_again,
    pause,
    recall,
    reject,
    release,
    replay,
    resolve_not_sent,
    resolve_sent,
    resume,
    second_for,
)
from h2h.desk.people import (
    add_operator,
    change_operator,
    change_password,
    confirm,
    confirm_config,
    end_session,
    new_second_factor,
    refuse,
    revoke_sessions,
)
from h2h.desk.possible import possible
from h2h.desk.signing import insist, permitted, roles_of
from h2h.desk.veil import (
    HIDDEN,
    content_veiled,
    veil,
    veil_moves,
    veil_problems,
    veil_trace,
    veiled,
)

__all__ = [
    "HIDDEN",
    "add_operator",
    "approvals_of",
    "approve",
    "approve_by_of",
    "cancel",
    "change_operator",
    "change_password",
    "confirm",
    "confirm_config",
    "content_veiled",
    "end_session",
    "hold",
    "insist",
    "look_again",
    "new_second_factor",
    "pause",
    "permitted",
    "possible",
    "recall",
    "refuse",
    "reject",
    "release",
    "replay",
    "resolve_not_sent",
    "resolve_sent",
    "resume",
    "revoke_sessions",
    "roles_of",
    "second_for",
    "veil",
    "veil_moves",
    "veil_problems",
    "veil_trace",
    "veiled",
]
