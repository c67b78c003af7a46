"""One entry: its exact bytes and their proof, or a platform's view of it, and its explanation.

The bytes are those that were hashed and signed, so whoever has them and a proof needs to trust nobody; their ETag is
the leaf hash. A platform gets its view of what its own record caused (`platform_view`).
An entry that is unknown, not yet under a published checkpoint (L8), or somebody else's is the same 404.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends, Path, Request, Response

from contracts import entry as entries
from contracts.canonical import INTEGER_LIMIT
from contracts.entry import Entry, worker_of
from contracts.events import JOURNALS_MAX
from contracts.topics import platform_of
from ledger.api import http
from ledger.api.access import Caller, Resource, Role, may
from ledger.api.explanation import Explaining
from ledger.api.platform_view import view_of
from ledger.api.problems import not_found
from ledger.api.views import Explanation, documented
from ledger.log.merkle import leaf_hash
from ledger.store.receipts import make_receipt

if TYPE_CHECKING:
    from ledger.api.auth import Authenticator
    from ledger.store.readers import Readers
    from ledger.store.registry import LedgerFacts

JOURNAL = Path(ge=0, lt=JOURNALS_MAX, description="A journal's number.")
_INDEX = Path(ge=0, lt=INTEGER_LIMIT, description="An entry's index in its journal, from 0.")


def routes(readers: Readers, authenticate: Authenticator, explaining: Explaining, facts: LedgerFacts) -> APIRouter:
    """Give the routes over these readers."""
    router = APIRouter(prefix="/v1/entries/{journal}/{index}", tags=["entries"])
    asking = Depends(authenticate)

    async def visible(journal: int, index: int, caller: Caller, resource: Resource) -> tuple[bytes, Entry]:
        """Give a shown entry that the caller may see so; raises Refused, whatever the reason."""
        leaf = await readers.entry(journal, index)
        if leaf is None:
            raise not_found()
        entry = entries.decode(leaf)
        owner = (
            platform_of(entry.cause.topic, facts.topic_prefix) if resource is Resource.ENTRY_VIEW else worker_of(entry)
        )
        if not may(caller, resource, owner):
            raise not_found()
        return leaf, entry

    either = documented(entries.Entry, 401, 404, 503, description="The entry's exact bytes; a platform gets a view.")
    either[200]["content"]["application/json"]["schema"] = {
        "oneOf": [{"$ref": "#/components/schemas/Entry"}, {"$ref": "#/components/schemas/EntryView"}]
    }

    @router.get("", responses=either, summary="The exact bytes that were signed")
    async def entry(request: Request, journal: int = JOURNAL, index: int = _INDEX, caller: Caller = asking) -> Response:
        """An entry as it was signed (SHA-256 of 0x00 and these bytes is its leaf hash); a platform gets its view."""
        if caller.role is Role.PLATFORM:
            leaf, stored = await visible(journal, index, caller, Resource.ENTRY_VIEW)
            shown = await readers.cited(journal, index)
            view = view_of(facts.name, leaf, stored, shown)
            return http.reply(request, view, http.PRIVATE_ASK_AGAIN, f"{view.leaf_hash}.{http.digest(shown.note)}")
        leaf, _ = await visible(journal, index, caller, Resource.ENTRY)
        return http.reply(request, leaf, http.PRIVATE_FOR_EVER, leaf_hash(leaf).hex())

    @router.get("/proof", responses=documented(http.TEXT, 401, 404, 503), summary="The proof that it is in the log")
    async def proof(request: Request, journal: int = JOURNAL, index: int = _INDEX, caller: Caller = asking) -> Response:
        """The entry's inclusion under the newest published checkpoint (c2sp.org/tlog-proof); keep it with the bytes."""
        leaf, _ = await visible(journal, index, caller, Resource.PROOF)
        shown = await readers.cited(journal, index)
        receipt = await make_receipt(readers, journal, index, leaf, shown.note)
        content = receipt.format()
        return http.reply(request, content, http.PRIVATE_ASK_AGAIN, http.digest(content), http.TEXT)

    @router.get("/explanation", responses=documented(Explanation, 401, 404, 503), summary="Why it says what it says")
    async def explanation(
        request: Request, journal: int = JOURNAL, index: int = _INDEX, caller: Caller = asking
    ) -> Response:
        """Each step of each rule, its numbers and its source, worked out again from the worker's entries up to it."""
        _, stored = await visible(journal, index, caller, Resource.EXPLANATION)
        return http.reply(request, await explaining.explanation(stored), http.PRIVATE_ASK_AGAIN)

    return router
