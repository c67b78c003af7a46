"""`iuran token issue`: prints a token that the API takes, and nothing else; refuses where an issuer's keys are set."""

from __future__ import annotations

import asyncio
import json
import stat

import jwt
import pytest
from typer.testing import CliRunner

from deploy.cli.token import app
from ledger.api import auth, keysets, tokens
from ledger.api.access import Caller, Role
from ledger.api.keysets import DEVELOPMENT_KEY
from ledger.errors import Unfit
from ledger.settings import Settings


@pytest.fixture
def issue(tmp_path, monkeypatch):
    """Runs the command with a home of its own; gives its result."""
    monkeypatch.setenv("IURAN_HOME", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(app, ["issue", *arguments])


def _caller(settings: Settings, token: str) -> Caller:
    return asyncio.run(auth.authenticator(keysets.key_set(settings), settings).verify(token))


def test_the_only_line_printed_is_a_token_that_holds(issue, tmp_path):
    said = issue("--role", "worker", "--sub", "W-7f3a")
    assert said.exit_code == 0, said.output
    (token,) = said.output.splitlines()
    assert _caller(Settings(home=tmp_path), token) == Caller(Role.WORKER, "W-7f3a")


def test_the_key_is_made_once_and_for_its_owner_alone(issue, tmp_path):
    first, second = (issue("--role", "auditor", "--sub", "bpk").output for _ in range(2))
    path = tmp_path / "keys" / DEVELOPMENT_KEY
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == [DEVELOPMENT_KEY]
    assert jwt.get_unverified_header(first.strip()) == jwt.get_unverified_header(second.strip())
    assert json.loads(path.read_text())["d"] not in first


def test_hours_and_audience_are_as_asked(issue, monkeypatch):
    monkeypatch.setenv("IURAN_TOKEN_AUDIENCE", "iuran-test")
    token = issue("--role", "operator", "--sub", "ops", "--hours", "2").output.strip()
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 7200
    assert (claims["aud"], claims["role"], claims["sub"]) == ("iuran-test", "operator", "ops")


@pytest.mark.parametrize(("role", "sub"), [("worker", "Budi"), ("platform", "W-7f3a"), ("auditor", "")])
def test_a_subject_that_does_not_fit_its_role_is_refused(issue, role, sub):
    said = issue("--role", role, "--sub", sub)
    assert isinstance(said.exception, Unfit)
    assert "--sub: expected" in str(said.exception)


@pytest.mark.parametrize("name", ["token_jwks_file", "token_jwks_url"])
def test_where_an_issuers_keys_are_set_only_the_issuer_makes_tokens(tmp_path, name):
    settings = Settings(home=tmp_path, **{name: "https://issuer.example/jwks"})
    with pytest.raises(Unfit, match="only the issuer makes tokens"):
        tokens.issue(settings, Role.AUDITOR, "bpk")
    assert not (tmp_path / "keys").exists()


def test_a_key_that_others_can_read_or_that_is_none_is_refused(tmp_path):
    settings = Settings(home=tmp_path)
    tokens.issue(settings, Role.AUDITOR, "bpk")
    path = settings.keys_dir / DEVELOPMENT_KEY
    path.chmod(0o640)
    with pytest.raises(Unfit, match="expected mode 0600"):
        tokens.issue(settings, Role.AUDITOR, "bpk")
    path.chmod(0o600)
    for content in ("", "{}", '{"kty": "oct", "k": "c2VjcmV0", "kid": "x"}'):
        path.write_text(content)
        with pytest.raises(Unfit, match="remove it for a new key"):
            tokens.issue(settings, Role.AUDITOR, "bpk")
