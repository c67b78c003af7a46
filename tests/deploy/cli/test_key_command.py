"""`iuran key list`: verifier keys of files, line by line as verifiers take them, with what each is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from deploy.cli.keys import app
from deploy.embedded.stack import Servers
from ledger.errors import Unfit
from ledger.log import keys as log_keys
from ledger.log.keys import parse_log_vkey
from ledger.store.keys import KeyFiles
from tests.support.databases import bare_ledger

LEDGER = "iuran.localhost"


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs the command with a home of its own, where no server runs; gives its result."""
    monkeypatch.setenv("IURAN_HOME", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(app, ["list", *arguments])


def test_each_key_is_a_line_that_ends_in_its_written_form(key: Callable[..., Result], tmp_path: Path) -> None:
    made = KeyFiles(tmp_path / "keys", LEDGER).generate(2)
    retired = log_keys.generate(f"{LEDGER}/log/1").vkey()
    with (tmp_path / "keys" / "journal-1.vkey").open("a") as file:
        file.write(retired + "\n")
    said = key()
    assert said.exit_code == 0, said.output
    words = [line.split() for line in said.output.splitlines()]
    assert [word[:3] for word in words] == [
        ["0", "Ed25519", "current"],
        ["0", "ML-DSA-44", "current"],
        ["1", "Ed25519", "current"],
        ["1", "ML-DSA-44", "current"],
        ["1", "Ed25519", "retired"],
    ]
    assert [word[3] for word in words] == [*made[0], *made[1], retired]
    assert all(parse_log_vkey(word[3]).name == f"{LEDGER}/log/{word[0]}" for word in words)


def test_journals_and_json_as_asked(key: Callable[..., Result], tmp_path: Path) -> None:
    made = KeyFiles(tmp_path / "keys", LEDGER).generate(3)
    told = json.loads(key("--journal", "2", "--json").output)
    assert [one["vkey"] for one in told] == list(made[2])
    assert told[0] == {"journal": 2, "algorithm": "Ed25519", "status": "current", "vkey": made[2][0]}


@pytest.mark.stack
def test_a_ledger_is_asked_before_its_files(
    key: Callable[..., Result], servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bare_ledger(servers, journals=2) as ledger:
        monkeypatch.setenv("IURAN_DATABASE_URL", ledger.url)
        monkeypatch.setenv("IURAN_KAFKA_BOOTSTRAP_SERVERS", servers.kafka_bootstrap_servers)
        told = json.loads(key("--json").output)
    assert [one["vkey"] for one in told] == [signer.vkey() for pair in ledger.keys.pairs for signer in pair]


def test_where_there_is_nothing_to_list_it_says_so(key: Callable[..., Result]) -> None:
    assert isinstance(key().exception, Unfit)


def test_no_private_byte_is_printed(key: Callable[..., Result], tmp_path: Path) -> None:
    KeyFiles(tmp_path / "keys", LEDGER).generate(1)
    for suffix in ("key.pem", "mldsa.pem", "secret"):
        content = (tmp_path / "keys" / f"journal-0.{suffix}").read_text().splitlines()[1]
        assert content not in key().output
        assert content not in key("--json").output
