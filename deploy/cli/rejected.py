"""`iuran rejected list | show | replay | erase`: what was refused, why, and what can be done about it.

Bytes that strangers sent never reach the terminal as they are: they are shown as JSON text, or in hexadecimal. Thin:
the rows are `ledger.store.rejections`', publishing again is `streams.replaying`'s.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from contracts.rejections import Code
from deploy import founding
from deploy.cli.ledger import reachable
from ledger import settings as settings_of
from ledger.errors import Unfit
from ledger.store import rejections
from ledger.store.startup import check_ledger

if TYPE_CHECKING:
    from ledger.store.rejections import Kept, Refused

app = typer.Typer(no_args_is_help=True, help="Refused records: list, show, publish again, erase.")

SHOWN_BYTES_MAX: Final = 64 * 1024
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Journal = Annotated[int, typer.Argument(min=0)]
Index = Annotated[int, typer.Argument(min=0, help="Of the entry that refuses the record.")]
OfJournal = Annotated[int | None, typer.Option("--journal", min=0)]
OfPlatform = Annotated[str | None, typer.Option("--platform", help="Records of its topic.")]
OfCode = Annotated[Code | None, typer.Option("--code", help="Refused for this reason.")]
Limit = Annotated[int, typer.Option(min=1, help="The newest so many.")]


@app.command("list")
def list_records(
    journal: OfJournal = None,
    platform: OfPlatform = None,
    code: OfCode = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List refused records, the newest first: where each stands in ledger and topic, and why it was refused."""
    found = _chosen(_database(), limit, journal, platform, code)
    if as_json:
        print(json.dumps([_told(one) for one in found], indent=2))
        return
    for one in found:
        erased = f"  (erased: {one.erased.reason})" if one.erased else ""
        place = f"{one.journal}/{one.leaf_index}  {one.topic}/{one.partition}/{one.offset}"
        print(f"{place}  {one.code}: {one.detail}{erased}")
    if not found:
        print("none")


@app.command("show")
def show(
    journal: Journal,
    index: Index,
    as_json: Json = False,
    raw: Annotated[bool, typer.Option("--raw", help="Write the value's bytes as they came, and nothing else.")] = False,
) -> None:
    """Show a refused record: code, detail, and key, headers and value as they came."""
    one = rejections.kept(_database(), journal, index)
    if raw:
        if one.refused.erased:
            raise _gone(one.refused)
        sys.stdout.buffer.write(one.value or b"")
        return
    told = _told(one.refused) | _bytes(one)
    if as_json:
        print(json.dumps(told, indent=2))
        return
    for name, value in told.items():
        print(f"{name}: {value if isinstance(value, str) else json.dumps(value)}")


@app.command("replay")
def replay(
    journal: Annotated[int | None, typer.Argument(min=0)] = None,
    index: Annotated[int | None, typer.Argument(min=0, help="Of the entry that refuses the record.")] = None,
    platform: OfPlatform = None,
    code: OfCode = None,
    limit: Limit = 1000,
    as_json: Json = False,
) -> None:
    """Publish a refused record again to its topic, or with --code all that were refused for it, the oldest first.

    It is decided anew: what still does not fit is refused again, what was accepted meanwhile is a counted duplicate.
    """
    from streams.replaying import replay as publish_again

    if (journal is None) != (index is None) or (journal is None) == (code is None):
        raise Unfit("replay: expected either JOURNAL and INDEX, or --code, got neither or both")
    settings = reachable(settings_of.load())
    broker, url = founding.servers_of(settings)
    facts, _ = check_ledger(url)
    if journal is not None and index is not None:
        chosen = [rejections.kept(url, journal, index).refused]
    else:
        chosen = [one for one in reversed(_chosen(url, limit, None, platform, code)) if not one.erased]
    gone = next((one for one in chosen if one.erased), None)
    if gone is not None:
        raise _gone(gone)
    records = (rejections.kept(url, one.journal, one.leaf_index) for one in chosen)
    done = publish_again(broker, records, facts.journals)
    if as_json:
        places = [
            {
                "journal": one.refused.journal,
                "index": one.refused.leaf_index,
                "topic": one.refused.topic,
                "partition": one.partition,
                "offset": one.offset,
            }
            for one in done
        ]
        print(json.dumps(places, indent=2))
        return
    for one in done:
        place = f"{one.refused.topic}/{one.partition}/{one.offset}"
        print(f"{one.refused.journal}/{one.refused.leaf_index}: published again at {place}")
    print(f"{len(done)} records published again")


@app.command("erase")
def erase(
    journal: Journal,
    index: Index,
    reason: Annotated[str, typer.Option(help="A word of a-z, 0-9 and _ that is kept with it, such as personal_data.")],
) -> None:
    """Erase key, value and headers of a refused record for good; its entry, code and hash stay, and all verifies.

    Prints where else the bytes may still lie.
    """
    url = _database()
    one = rejections.kept(url, journal, index).refused
    done = rejections.erase(url, journal, index, reason)
    print(f"{journal}/{index}: {'erased' if done else 'was erased before; nothing was changed'}")
    print("not reached from here, if it was there:")
    print(f"  the record itself: {one.topic}, partition {one.partition}, offset {one.offset}")
    print("  its copy on the topic iuran.rejected, and whoever read either topic")
    print("  the database's files until that space is used again (VACUUM FULL rejections), its log and its backups")
    print("what stays on purpose: its SHA-256 in the entry, by which who can read the entry can test a guess")


def _database() -> str:
    _, url = founding.servers_of(reachable(settings_of.load()))
    check_ledger(url)
    return url


def _chosen(url: str, limit: int, journal: int | None, platform: str | None, code: Code | None) -> list[Refused]:
    topic = None
    if platform is not None:
        topics = check_ledger(url)[0].platforms
        if platform not in topics:
            raise Unfit(f"platform: expected a registered one ({', '.join(sorted(topics)) or 'none is'}), got another")
        topic = topics[platform]
    return rejections.listed(url, limit, journal, topic, None if code is None else code.value)


def _gone(one: Refused) -> Unfit:
    return Unfit(f"journal {one.journal} entry {one.leaf_index}: expected its record's bytes, got one that was erased")


def _told(one: Refused) -> dict[str, Any]:
    """A record without the bytes that came."""
    erased = one.erased
    return {
        "journal": one.journal,
        "index": one.leaf_index,
        "topic": one.topic,
        "partition": one.partition,
        "offset": one.offset,
        "timestamp_ms": one.timestamp_ms,
        "code": one.code,
        "detail": one.detail,
        "recorded_at": one.recorded_at.isoformat(),
        "erased": None if erased is None else {"at": erased.at.isoformat(), "by": erased.by, "reason": erased.reason},
    }


def _bytes(one: Kept) -> dict[str, Any]:
    if one.refused.erased:
        return {}
    headers = [
        [_shown(bytes.fromhex(name or "")), None if v is None else _shown(bytes.fromhex(v))] for name, v in one.headers
    ]
    return {"key": _shown(one.key), "headers": headers, "value": _shown(one.value)}


def _shown(content: bytes | None) -> str | None:
    """Text as JSON would write it, without a control or a foreign character left; hexadecimal for what is no text."""
    if content is None:
        return None
    more = f"... {len(content)} bytes in all" if len(content) > SHOWN_BYTES_MAX else ""
    content = content[:SHOWN_BYTES_MAX]
    try:
        return json.dumps(content.decode())[1:-1] + more
    except UnicodeDecodeError:
        return "0x" + content.hex() + more
