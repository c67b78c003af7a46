"""`iuran platform`: registering platforms, the key under which one signs, and which key is in force where.

Thin: what is done stands in `deploy.platforms`; here are arguments, files, wording and `--json`. `keygen` is the
platform's own command and needs no ledger: the operator gets the public file and never the private one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy import founding
from deploy import platforms as registering
from deploy.cli.ledger import reachable
from deploy.cli.operating import attributes_of, today
from deploy.cli.progress import terminal
from deploy.operating import day_of
from ledger import settings as settings_of
from ledger.domain.attributes import PLATFORM
from ledger.errors import Unfit
from ledger.store import private_files
from ledger.store.startup import check_ledger

if TYPE_CHECKING:
    from deploy.platforms import Known
    from streams.publishing.signing import EventSigner

app = typer.Typer(no_args_is_help=True, help="Platforms: register, list, and the keys under which they sign.")

Name = Annotated[str, typer.Argument(help="[a-z][a-z0-9-]{1,30}, for example gojek.")]
KeyFile = Annotated[
    Path | None, typer.Option("--signing-key", help="The platform's public key: PEM, or one line of base64.")
]
Only = Annotated[
    bool | None, typer.Option("--signed-only/--unsigned-too", help="Whether the platform signs all it sends.")
]
Values = Annotated[
    list[str] | None, typer.Option("--set", help="NAME=VALUE, for example turnover=1000000; may be repeated.")
]
On = Annotated[str | None, typer.Option("--on", help="From which day --set holds, 2026-03-31; default: today (UTC).")]
Passphrase = Annotated[Path | None, typer.Option("--passphrase-file", help="A file of mode 0600 with one line.")]


@app.command("add")
def add(name: Name, signing_key: KeyFile = None, signed_only: Only = None) -> None:
    """Register a platform: its topic gigs.NAME, and an act in each journal. Doing it again adds nothing."""
    settings = reachable(settings_of.load())
    topic = registering.add(settings, name, _wish(signing_key, signed_only), terminal())
    print(f"platform {name}: publishes to {topic}")


@app.command("change")
def change(
    name: Name, signing_key: KeyFile = None, signed_only: Only = None, values: Values = None, on: On = None
) -> None:
    """Give a platform another key, let it sign all or not, or state attributes that schemes read, from a day on.

    What it signed before stays as it is. What is on its way under the old key is refused once the new one is in force:
    let the platform pause first.
    """
    settings = reachable(settings_of.load())
    wish = _wish(signing_key, signed_only)
    if values:
        day = today() if on is None else day_of(on)
        told = sorted(attributes_of(values, PLATFORM).items())
        stated = tuple((key, value) for key, value in told if not isinstance(value, tuple))
        wish = wish._replace(attributes=stated, on=day.isoformat())
    if wish == registering.Wish():
        raise Unfit("platform change: expected --signing-key, --signed-only, --unsigned-too or --set, got none")
    done = registering.change(settings, name, wish, terminal())
    print(f"platform {name}: {'changed' if done else 'stands so already'}")


@app.command("list")
def list_platforms(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the platforms: topic, signing key, and the entry of each journal from which the key is in force."""
    settings = reachable(settings_of.load())
    _, url = founding.servers_of(settings)
    facts, _ = check_ledger(url)
    there = registering.known(url)
    shown = [
        {"platform": name, "topic": topic, **_signing(there.get(name, {}), facts.journals)}
        for name, topic in sorted(facts.platforms.items())
    ]
    if as_json:
        print(json.dumps(shown, indent=2))
        return
    for platform in shown:
        print(f"{platform['platform']}  {platform['topic']}  {_said(platform)}")


@app.command("keygen")
def keygen(
    name: Name,
    folder: Annotated[Path, typer.Option(help="Where the two files go.")] = Path(),
    passphrase_file: Passphrase = None,
) -> None:
    """Make a key pair to sign with: NAME.key.pem (PKCS#8, mode 0600), for the platform alone, and NAME.pub."""
    from streams.publishing.signing import EventSigner

    private, public = folder / f"{name}.key.pem", folder / f"{name}.pub"
    for path in (private, public):
        if path.exists():
            raise Unfit(f"{path}: expected no such file, got one; a key is never written over")
    signer = EventSigner.generate()
    private_files.write_new(private, signer.pem(_passphrase(passphrase_file)))
    public.write_bytes(signer.public_pem())
    print(f"{private}: sign with it (iuran publish --sign-with {private}); keep it to yourself")
    print(f"{public}: {signer.public_text()}; give it to the operator (iuran platform add {name} --signing-key ...)")


def signer_of(key: Path | None, passphrase_file: Path | None) -> EventSigner | None:
    """Give the signer of a private key file, None without one. Raises Unfit for a file that is none."""
    from streams.publishing.signing import EventSigner

    if key is None:
        return None
    try:
        return EventSigner.from_pem(private_files.read(key), _passphrase(passphrase_file))
    except ValueError as error:
        raise Unfit(f"{key}: {error}") from error


def _passphrase(path: Path | None) -> bytes | None:
    return None if path is None else private_files.read(path).removesuffix(b"\n")


def _wish(key: Path | None, only: bool | None) -> registering.Wish:
    from streams.publishing.signing import public_text

    try:
        text = None if key is None else public_text(key.read_bytes())
    except (OSError, ValueError) as error:
        raise Unfit(f"{key}: {error}") from error
    return registering.Wish(text, only)


def _signing(there: dict[int, Known], journals: int) -> dict[str, Any]:
    """What the journals say of a platform's key: one answer where they agree."""
    own = [there.get(number) for number in range(journals)]
    keys = {None if known is None or known.key is None else known.key for known in own}
    key = next(iter(keys)) if len(keys) == 1 else None
    return {
        "signing_key": None if key is None else key.text,
        "signed_only": key is not None and key.only,
        "agreed": len(keys) == 1,
        "since": [None if known is None else known.since for known in own],
    }


def _said(platform: dict[str, Any]) -> str:
    if not platform["agreed"]:
        return "its key is being changed: not all journals have entered the act"
    if platform["signing_key"] is None:
        return "signs nothing"
    what = "signs all" if platform["signed_only"] else "may sign"
    since = ", ".join(f"{number}/{index}" for number, index in enumerate(platform["since"]))
    return f"{what} with {platform['signing_key']} since entries {since}"
