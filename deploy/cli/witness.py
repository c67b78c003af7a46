"""`iuran witness`: a witness for any C2SP log: make its keys, and serve it.

Thin: what a witness is stands in `ledger.witness`, its folder in `deploy.witnessing`. Reads no settings of a ledger:
who runs a witness needs none.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from deploy import witnessing
from ledger.store import private_files

app = typer.Typer(no_args_is_help=True, help="A witness that cosigns the checkpoints of logs (c2sp.org/tlog-witness).")

Folder = Annotated[Path, typer.Option(help="The witness's own folder, mode 0700.")]
Passphrase = Annotated[Path | None, typer.Option("--passphrase-file", help="A file of mode 0600 with one line.")]
HERE = Path("witness")


@app.callback()
def group() -> None:
    """A witness that cosigns the checkpoints of logs."""


@app.command("keygen")
def keygen(
    name: Annotated[str, typer.Argument(help="An address without scheme, for example witness.example.org/w1.")],
    folder: Folder = HERE,
    passphrase_file: Passphrase = None,
) -> None:
    """Make a witness: an Ed25519 and an ML-DSA-44 key, and an empty memory. Doing it again changes nothing.

    Prints the lines that a policy file has for it. Back up the two private keys; never put an old copy of the memory
    back: it would cosign a fork.
    """
    vkeys = witnessing.make(folder, name, _passphrase(passphrase_file))
    print(f"# {folder}: the keys of {name}; for policy files, with the address under which it is asked:")
    for label, vkey in zip(("w-ed25519", "w-mldsa44"), vkeys, strict=True):
        print(f"witness {label} {vkey} https://{name}/")
    print("group w any w-ed25519 w-mldsa44")


@app.command("serve")
def serve(
    logs: Annotated[Path, typer.Option(help="A policy file (c2sp.org/tlog-policy): its `log` lines are cosigned.")],
    folder: Folder = HERE,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free port.")] = 8500,
    passphrase_file: Passphrase = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C. The file of logs is read again when it changes."""
    from ledger import serving
    from ledger.witness.app import KEEP_ALIVE_SECONDS, Witness, create_app, system_clock
    from ledger.witness.known import KnownLogs

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    known = KnownLogs(logs)
    signers, memory = witnessing.load(folder, _passphrase(passphrase_file))
    with serving.listen(host, port, "--host and --port") as listening:
        at, taken = listening.getsockname()[:2]
        logging.getLogger("ledger.witness").info(
            "witness %s: cosigning %d logs on http://%s:%d", signers[0].name, len(known.now()), at, taken
        )
        serving.serve(create_app(Witness(signers, memory, known, system_clock)), listening, KEEP_ALIVE_SECONDS)
    memory.close()


def _passphrase(path: Path | None) -> bytes | None:
    return None if path is None else private_files.read(path).removesuffix(b"\n")
