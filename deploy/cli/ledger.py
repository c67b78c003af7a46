"""`iuran ledger`: founding a ledger and showing it.

Thin: what is done stands in `deploy.founding`; here are arguments, wording and `--json`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from contracts.events import JOURNALS_MAX
from deploy import founding
from deploy.cli.progress import terminal
from deploy.embedded import stack
from ledger import settings as settings_of
from ledger.log.checkpoint import claimed
from ledger.store import database, registry
from ledger.store.startup import check_ledger

if TYPE_CHECKING:
    from deploy.cli.progress import Progress
    from ledger.domain.scheme import Version
    from ledger.settings import Settings

app = typer.Typer(no_args_is_help=True, help="A new ledger: name, journals, keys; topics, tables, entry 0.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def reachable(settings: Settings) -> Settings:
    """Give settings with the addresses of the servers that are set or run. Raises StackError when none do."""
    return stack.effective(settings, stack.servers_found(settings))


def ensure_ledger(settings: Settings, progress: Progress) -> None:
    """Make the ledger that the settings name unless the database has one already (its name and journals then hold)."""
    _, url = founding.servers_of(settings)
    database.migrate(url)
    with database.session(url) as session:
        facts = registry.read_facts(session)
    if facts is None:
        founding.found_ledger(settings, progress)
    else:
        founding.found_ledger(named(settings, facts), progress)


def named(settings: Settings, facts: registry.LedgerFacts) -> Settings:
    """Give settings that name the ledger which is there."""
    update = {"ledger": facts.name, "journals": facts.journals, "topic_prefix": facts.topic_prefix}
    return settings.model_copy(update=update)


def enact_version(settings: Settings, version: Version) -> None:
    """Let a scheme's version act in every journal (see `deploy.founding.enact`)."""
    founding.enact(reachable(settings), version, terminal())


@app.command("init")
def init(
    name: Annotated[str | None, typer.Option(help="The ledger's address without scheme; its logs' origin.")] = None,
    journals: Annotated[
        int | None, typer.Option(min=1, max=JOURNALS_MAX, help="Number of journals, fixed for life.")
    ] = None,
) -> None:
    """Make a ledger: keys, tables, topics, and entry 0 of each journal. Doing it again finishes what was cut short."""
    settings = settings_of.load()
    update: dict[str, Any] = {}
    if name is not None:
        update["ledger"] = name
    if journals is not None:
        update["journals"] = journals
    progress = terminal()
    facts = founding.found_ledger(reachable(settings).model_copy(update=update), progress)
    print(f"ledger {facts.name}: {facts.journals} journals; keys under {settings.keys_dir}")
    if not facts.platforms:
        print("next: iuran platform add NAME, iuran scheme enact ID-JK-PILOT, iuran up")


@app.command("show")
def show(as_json: Json = False) -> None:
    """Show the ledger: journals with size, checkpoint and verifier key; topics; enacted schemes."""
    settings = reachable(settings_of.load())
    _, url = founding.servers_of(settings)
    facts, _ = check_ledger(url)
    journals = _journals(url)
    schemes = _schemes(url)
    if as_json:
        shown = {"ledger": facts.name, "journals": journals, "topics": facts.topics, "schemes": schemes}
        print(json.dumps(shown, indent=2))
        return
    print(f"ledger {facts.name}: {facts.journals} journals, {sum(j['size'] for j in journals)} entries")
    for journal in journals:
        print(f"  journal {journal['journal']}: {journal['size']} entries, published {journal['published_size']}")
        print(f"    root {journal['root']}  key {journal['vkeys'][0]}")
    print("topics: " + ", ".join(sorted(facts.topics)))
    print("schemes: " + (", ".join(f"{s['scheme']} {s['version']}" for s in schemes) or "none enacted"))


def _journals(url: str) -> list[dict[str, Any]]:
    with database.connect(url, "reader") as connection:
        rows = connection.execute(
            "SELECT h.journal, h.size, h.published_size, c.note, h.vkey FROM heads h "
            "LEFT JOIN checkpoints c ON c.journal = h.journal AND c.size = h.published_size ORDER BY h.journal"
        ).fetchall()
    shown = []
    for number, size, published_size, note, vkey in rows:
        root = "" if note is None else claimed(bytes(note)).root.hex()
        keys = vkey.split("\n")
        shown.append({"journal": number, "size": size, "published_size": published_size, "root": root, "vkeys": keys})
    return shown


def _schemes(url: str) -> list[dict[str, str]]:
    with database.connect(url, "reader") as connection:
        rows = connection.execute(
            'SELECT leaf FROM entries WHERE journal = 0 AND kind > 1 AND worker IS NULL ORDER BY "index"'
        ).fetchall()
    acts = [json.loads(bytes(row[0])) for row in rows]
    return [
        {name: act["event"]["data"][name] for name in ("scheme", "version", "sha256")}
        for act in acts
        if act["kind"] == "scheme"
    ]
