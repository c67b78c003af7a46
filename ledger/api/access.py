"""Who may see what, as one table: the law of SPEC section 6 in the form in which it is executed and tested.

A worker sees only their own; a platform only a view of what it reported; an auditor everything, reading only; a
delegate what was consented to, which is nothing as long as no consents exist; an operator runs the house and sees
nobody's entries. What is not in the table is forbidden, and forbidden looks like unknown (`ledger.api.problems`).
Upholds L11 (faces stay with those whose they are).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from contracts import forms


class Role(StrEnum):
    """What a token says its bearer is."""

    WORKER = "worker"
    PLATFORM = "platform"
    AUDITOR = "auditor"
    DELEGATE = "delegate"
    OPERATOR = "operator"


class Resource(StrEnum):
    """What is protected."""

    BALANCES = "a worker's balances"
    ENTRIES = "a worker's entries"
    ENTRY = "an entry's exact bytes"
    ENTRY_VIEW = "a view of an entry without balances"
    EXPLANATION = "an entry's explanation"
    PROOF = "an entry's proof of inclusion"
    BUNDLES = "bundles of all entries' exact bytes"
    REJECTED = "what was refused of a platform's records, and why"


class Scope(StrEnum):
    """How far a permission reaches: own is what concerns the bearer (worker) or was reported by it (platform)."""

    ALL = "all"
    OWN = "own"


class Caller(NamedTuple):
    """Who asks: the role and subject of a verified token."""

    role: Role
    subject: str


TABLE: Final[dict[Role, dict[Resource, Scope]]] = {
    Role.WORKER: {
        Resource.BALANCES: Scope.OWN,
        Resource.ENTRIES: Scope.OWN,
        Resource.ENTRY: Scope.OWN,
        Resource.EXPLANATION: Scope.OWN,
        Resource.PROOF: Scope.OWN,
    },
    Role.PLATFORM: {Resource.ENTRY_VIEW: Scope.OWN, Resource.REJECTED: Scope.OWN},
    Role.AUDITOR: {
        Resource.BALANCES: Scope.ALL,
        Resource.ENTRIES: Scope.ALL,
        Resource.ENTRY: Scope.ALL,
        Resource.EXPLANATION: Scope.ALL,
        Resource.PROOF: Scope.ALL,
        Resource.BUNDLES: Scope.ALL,
        Resource.REJECTED: Scope.ALL,
    },
    Role.DELEGATE: {},
    Role.OPERATOR: {},
}


def may(caller: Caller, resource: Resource, owner: str | None) -> bool:
    """Tell whether the caller may see it; `owner`: the worker it concerns (the platform that sent it), or None."""
    scope = TABLE[caller.role].get(resource)
    return scope is Scope.ALL or (scope is Scope.OWN and owner is not None and owner == caller.subject)


def fits(role: Role, subject: str) -> bool:
    """Tell whether a role can have this subject: a worker is a pseudonym, a platform its name, others 1 to 255."""
    if role is Role.WORKER:
        return forms.WORKER.fits(subject)
    if role is Role.PLATFORM:
        return forms.PLATFORM.fits(subject)
    return 0 < len(subject) <= 255
