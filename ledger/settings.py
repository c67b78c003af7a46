"""Settings, read once at the doors: environment `IURAN_*` or a TOML file.

Precedence: environment, then the TOML file named by `IURAN_CONFIG` (default `<home>/iuran.toml` if it is there), then
the defaults below. Unknown names are refused in both, so that a misspelt setting never passes for a set one. Secrets
are read from files, never from a setting's own value. Nothing here is created at import.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from contracts.events import JOURNALS_MAX

PREFIX = "IURAN_"
_NOT_SETTINGS = {"IURAN_CONFIG"}


class SettingsError(ValueError):
    """A setting that is unknown or does not fit; the message names it and what to write instead."""


class Settings(BaseSettings):
    """All settings; each can be given as `IURAN_<NAME>` or as `<name>` in the TOML file."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    home: Path = Field(default=Path(".iuran"), description="state of the embedded stack, keys and logs")
    ledger: str = Field(default="iuran.localhost", description="name of the ledger: its address without scheme")
    journals: int = Field(default=8, ge=1, le=JOURNALS_MAX, description="journals of a new ledger; fixed for its life")

    kafka_bootstrap_servers: str | None = Field(default=None, description="a real cluster; unset: the embedded broker")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_sasl_username: str | None = None
    kafka_sasl_password_file: Path | None = None
    kafka_ssl_cafile: Path | None = None
    kafka_ssl_certfile: Path | None = None
    kafka_ssl_keyfile: Path | None = None
    kafka_replication_factor: int = Field(
        default=1, ge=1, description="of topics made by `ledger init`, `platform add`"
    )
    topic_prefix: str = Field(default="", pattern=r"^([a-z][a-z0-9-]*\.)?$", description="several ledgers on a cluster")

    database_url: str | None = Field(default=None, description="postgresql://...; unset: the embedded server")

    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8400, ge=0, le=65535, description="0: any free port")
    stream_metrics_host: str = "127.0.0.1"
    stream_metrics_port: int = Field(default=9401, ge=0, le=65535, description="0: any free port")
    kafka_port: int = Field(default=0, ge=0, le=65535, description="embedded broker; 0: any free port, then kept")
    database_port: int = Field(default=0, ge=0, le=65535, description="embedded server; 0: any free port, then kept")

    batch_events_max: int = Field(default=3000, ge=1, description="events of one commit")
    session_timeout_seconds: float = Field(default=6.0, gt=0, description="a dead stream process is replaced after it")
    workers_in_memory_max: int = Field(default=200_000, ge=1, description="accounts kept per stream process")

    keys_passphrase_file: Path | None = Field(default=None, description="a passphrase for private keys; mode 0600")

    witness_policy_file: Path | None = Field(
        default=None, description="a trust policy (c2sp.org/tlog-policy) whose witnesses are asked; unset: none"
    )
    witness_pause_seconds: float = Field(default=5.0, ge=0, description="between two rounds of asking for a journal")

    token_issuer: str = "https://iuran.localhost"
    token_audience: str | None = None
    token_jwks_file: Path | None = Field(default=None, description="public keys; unset: the development key under home")
    token_jwks_url: str | None = None

    @classmethod
    def settings_customise_sources(  # type: ignore[override]
        cls, _: type[BaseSettings], **sources: PydanticBaseSettingsSource
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` passes in: it has read environment and file itself, to name what is unknown in either."""
        return (sources["init_settings"],)

    @property
    def keys_dir(self) -> Path:
        """Folder of private keys and journal secrets, mode 0700; its files are mode 0600."""
        return self.home / "keys"


def load(environ: dict[str, str] | None = None) -> Settings:
    """Give the settings of this process.

    Raises SettingsError naming each unknown or unfit name, where it stands, and what is expected.
    """
    env = dict(os.environ) if environ is None else environ
    known = set(Settings.model_fields)
    unknown = sorted(n for n in env if n.startswith(PREFIX) and n not in _NOT_SETTINGS and _name(n) not in known)
    if unknown:
        raise SettingsError(f"environment: expected settings of `iuran`, got unknown {', '.join(unknown)}")
    home = Path(env.get("IURAN_HOME", ".iuran"))
    path = Path(env["IURAN_CONFIG"]) if "IURAN_CONFIG" in env else home / "iuran.toml"
    members: dict[str, Any] = {}
    if path.is_file():
        try:
            members = tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{path}: expected TOML, got {error}") from error
    elif "IURAN_CONFIG" in env:
        raise SettingsError(f"IURAN_CONFIG: expected a TOML file, got {path} which is not there")
    members.update({_name(n): v for n, v in env.items() if n.startswith(PREFIX) and _name(n) in known})
    try:
        return Settings.model_validate(members)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors())
        raise SettingsError(f"settings ({path}, {PREFIX}*): {problems}") from error


def _name(variable: str) -> str:
    return variable.removeprefix(PREFIX).lower()
