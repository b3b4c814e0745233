"""Who may do what at the desk: roles, acts, and one table of the two.

An operator has one or several roles. `payroll` lets see what is confidential and permits no act by
itself. What two persons do is proposed by one admin and confirmed by another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from h2h.core.words import listed, say

UNKNOWN = "unknown person"  # who exchanged a key file; no name of an operator has a blank
LEAST_ADMINS = 2  # below, the workspace's owner adds admins alone; never again after that


class Role(StrEnum):
    """What an operator is here for."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"
    PAYROLL = "payroll"


class Act(StrEnum):
    """What somebody may want to do."""

    LOOK = "look"
    APPROVE = "approve"
    REJECT = "reject"
    HOLD = "hold"
    RELEASE = "release"
    CANCEL = "cancel"
    RECALL = "recall"
    RESOLVE = "resolve"
    REPLAY = "replay"
    PAUSE = "pause"
    RESUME = "resume"
    PROPOSE = "propose"  # a change of operators
    CONFIRM = "confirm"  # somebody else's change of operators or of the configuration
    AUDIT = "audit"  # who signed in, who changed what
    UNVEIL = "unveil"  # names and amounts of confidential files


_ALL = frozenset(Role)
_DESK = frozenset({Role.OPERATOR, Role.APPROVER})

MAY: Mapping[Act, frozenset[Role]] = MappingProxyType(
    {
        Act.LOOK: _ALL,
        Act.APPROVE: frozenset({Role.APPROVER}),
        Act.REJECT: _DESK,
        Act.HOLD: _DESK,
        Act.RELEASE: _DESK,
        Act.CANCEL: _DESK,
        Act.RECALL: _DESK,
        Act.RESOLVE: _DESK,
        Act.REPLAY: frozenset({Role.OPERATOR}),
        Act.PAUSE: _DESK | {Role.ADMIN},  # to stop must be easy
        Act.RESUME: _DESK,
        Act.PROPOSE: frozenset({Role.ADMIN}),
        Act.CONFIRM: frozenset({Role.ADMIN}),
        Act.AUDIT: frozenset({Role.ADMIN, Role.VIEWER}),
        Act.UNVEIL: frozenset({Role.PAYROLL}),
    }
)


def may(roles: Iterable[str], act: Act) -> bool:
    """May somebody with these roles do `act`?"""
    return not MAY[act].isdisjoint(roles)


def who_may(act: Act) -> str:
    """The roles that may, in words: `operator, approver`."""
    return role_words(role for role in Role if role in MAY[act])


def role_words(roles: Iterable[str]) -> str:
    """Roles in words; one that is unknown as it is written."""
    return listed(_ROLES.get(role, role) for role in roles)


_ROLES: Mapping[str, str] = MappingProxyType(
    {
        Role.VIEWER: say("viewer"),
        Role.OPERATOR: say("operator"),
        Role.APPROVER: say("approver"),
        Role.ADMIN: say("admin"),
        Role.PAYROLL: say("payroll"),
    }
)

# What somebody does, as a page or a refusal tells of it.
ACT_WORDS: Mapping[Act, str] = MappingProxyType(
    {
        Act.LOOK: say("look"),
        Act.APPROVE: say("approve a file"),
        Act.REJECT: say("reject a file"),
        Act.HOLD: say("hold a file"),
        Act.RELEASE: say("release a file"),
        Act.CANCEL: say("cancel a file"),
        Act.RECALL: say("recall a file"),
        Act.RESOLVE: say("resolve a doubt"),
        Act.REPLAY: say("replay a file"),
        Act.PAUSE: say("pause"),
        Act.RESUME: say("resume"),
        Act.PROPOSE: say("propose a change"),
        Act.CONFIRM: say("confirm a change"),
        Act.AUDIT: say("audit"),
        Act.UNVEIL: say("see what is confidential"),
    }
)
