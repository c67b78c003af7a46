"""Schemes as enacted: public, with text, digest, parameters and sources.

What stands here was read from journal 0's own entries under a published checkpoint (L8), not from files: the law that
the ledger applies is the law that it shows. Every journal records the same acts; each cites its own entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from fastapi import APIRouter, Path, Request, Response

from contracts import entry as entries
from contracts.canonical import INTEGER_LIMIT
from ledger.api import http
from ledger.api.problems import not_found
from ledger.api.views import EntryRef, Scheme, Schemes, SchemeText, SchemeVersion, documented
from ledger.domain.scheme import Version
from ledger.intake import version_of_entry
from ledger.log.merkle import leaf_hash

if TYPE_CHECKING:
    from ledger.store.readers import Readers

JOURNAL = 0


def routes(readers: Readers) -> APIRouter:
    """Give the routes over these readers."""
    router = APIRouter(prefix="/v1/schemes", tags=["schemes"])

    async def acted() -> list[tuple[Version, EntryRef]]:
        versions = [
            (version_of_entry(entries.decode(act.leaf)), act) for act in await readers.acts(JOURNAL, INTEGER_LIMIT)
        ]
        return [
            (version, EntryRef(JOURNAL, act.leaf_index, leaf_hash(act.leaf).hex()))
            for version, act in versions
            if version is not None
        ]

    @router.get("", responses=documented(Schemes, 503), summary="All enacted schemes")
    async def schemes(request: Request) -> Response:
        """Every scheme with its enacted versions and their digests."""
        by_scheme: dict[str, list[tuple[Version, EntryRef]]] = {}
        for version, entry in await acted():
            by_scheme.setdefault(version.scheme, []).append((version, entry))
        listed = [_scheme(versions) for _, versions in sorted(by_scheme.items())]
        return http.reply(request, Schemes(listed), http.PUBLIC_A_MINUTE)

    @router.get("/{scheme}/{version}", responses=documented(SchemeText, 404, 503), summary="One version, whole")
    async def scheme_version(
        request: Request,
        scheme: str = Path(description="A scheme's id such as ID-JK-PILOT."),
        version: str = Path(description="A version's id such as 2026-01-01."),
    ) -> Response:
        """The canonical text of an enacted version, its digest, and the same parsed."""
        for found, entry in await acted():
            if (found.scheme, found.id) == (scheme, version):
                return http.reply(request, _text(found, entry), http.PUBLIC_FOR_EVER, f"{found.digest}-{entry.index}")
        raise not_found()

    return router


def _scheme(acted: list[tuple[Version, EntryRef]]) -> Scheme:
    acted = sorted(acted, key=lambda act: (act[0].start, act[0].revision))
    newest = acted[-1][0]
    versions = [
        SchemeVersion(v.id, v.start.isoformat(), v.digest, entry, f"/v1/schemes/{v.scheme}/{v.id}")
        for v, entry in acted
    ]
    zones, platforms = list(newest.zones), list(newest.platforms)
    return Scheme(newest.scheme, newest.title, newest.status, newest.currency, zones, platforms, versions)


def _text(version: Version, entry: EntryRef) -> SchemeText:
    return SchemeText(
        version.scheme,
        version.id,
        version.status,
        version.title,
        version.currency,
        version.digest,
        entry,
        [{"key": source.key, "title": source.title, "url": source.url} for source in version.sources],
        msgspec.Raw(version.text.encode()),
        version.text,
    )
