"""TRUST.md speaks of every store and key there is, and of no command that there is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main
from click import Group
from sqlmodel import SQLModel

import deploy
from contracts.topics import CHECKPOINTS, CONTROL, GIGS, REJECTED
from deploy.cli.main import app
from ledger.api.keysets import DEVELOPMENT_KEY
from ledger.settings import Settings
from ledger.store import tables

PAGE = (Path(deploy.__file__).parent / "TRUST.md").read_text(encoding="utf-8")
KEY_FILES = (
    *("journal-<n>.key.pem", "journal-<n>.mldsa.pem", "journal-<n>.secret", "<platform>.key.pem"),
    *("witness.ed25519.pem", "witness.mldsa44.pem", "witness.memory", DEVELOPMENT_KEY),
)


@pytest.mark.parametrize("table", sorted(SQLModel.metadata.tables))
def test_every_table_is_spoken_of(table: str) -> None:
    assert f"`{table}`" in PAGE


@pytest.mark.parametrize("topic", [CHECKPOINTS, CONTROL, REJECTED, f"{GIGS}<platform>"])
def test_every_topic_is_spoken_of(topic: str) -> None:
    assert f"`{topic}`" in PAGE


@pytest.mark.parametrize("name", KEY_FILES)
def test_every_key_file_is_spoken_of(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_the_guarded_tables_are_those_that_a_writer_may_not_change() -> None:
    row = next(line for line in PAGE.splitlines() if "`iuran_writer` | add rows" in line)
    for table in tables.APPEND_ONLY:
        assert f"`{table}`" in row, table


def test_every_command_is_there() -> None:
    known = typer.main.get_command(app)
    said = re.findall(r"`iuran ((?:[a-z-]+)(?: [a-z-]+)?)", PAGE)
    assert len(said) > 10
    for words in said:
        command = known
        for word in words.split():
            if not isinstance(command, Group) or word.startswith("-"):
                break
            assert word in command.commands, f"iuran {words}"
            command = command.commands[word]


def test_every_setting_is_there() -> None:
    for name in re.findall(r"`IURAN_([A-Z_]+)`", PAGE):
        assert name.lower() in Settings.model_fields, name
