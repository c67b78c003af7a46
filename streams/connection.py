"""How to reach the brokers: one value, made from the settings at the doors, spoken to three client libraries."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, NamedTuple

from aiokafka.helpers import create_ssl_context

if TYPE_CHECKING:
    from ledger.settings import Settings


class Broker(NamedTuple):
    """Addresses and credentials of a Kafka cluster."""

    bootstrap_servers: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: str | None = None
    cafile: str | None = None
    certfile: str | None = None
    keyfile: str | None = None

    def __repr__(self) -> str:
        """Leave the password out of messages and logs."""
        return f"Broker({self.bootstrap_servers}, {self.security_protocol})"

    def aiokafka(self) -> dict[str, Any]:
        """Give the keyword arguments of aiokafka's clients."""
        return self._members() | ({"ssl_context": self._ssl_context()} if self._uses_tls() else {})

    def kafka_python(self) -> dict[str, Any]:
        """Give the keyword arguments of kafka-python's clients."""
        return self._members() | ({"ssl_context": self._ssl_context()} if self._uses_tls() else {})

    def faust_credentials(self) -> Any:
        """Give Faust's `broker_credentials`, or None for a plain connection."""
        import faust

        context = self._ssl_context() if self._uses_tls() else None
        if self.sasl_mechanism is not None:
            return faust.SASLCredentials(
                username=self.sasl_username,
                password=self.sasl_password,
                ssl_context=context,
                mechanism=self.sasl_mechanism,
            )
        return None if context is None else faust.SSLCredentials(context=context)

    def _members(self) -> dict[str, Any]:
        members: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers,
            "security_protocol": self.security_protocol,
        }
        if self.sasl_mechanism is not None:
            members["sasl_mechanism"] = self.sasl_mechanism
            members["sasl_plain_username"] = self.sasl_username
            members["sasl_plain_password"] = self.sasl_password
        return members

    def _uses_tls(self) -> bool:
        return self.security_protocol.endswith("SSL")

    def _ssl_context(self) -> ssl.SSLContext:
        context: ssl.SSLContext = create_ssl_context(cafile=self.cafile, certfile=self.certfile, keyfile=self.keyfile)
        return context


def broker(settings: Settings, bootstrap_servers: str) -> Broker:
    """Make the value from the settings; the password is read from its file here and nowhere else."""
    sasl = settings.kafka_security_protocol.startswith("SASL")
    password = settings.kafka_sasl_password_file
    return Broker(
        bootstrap_servers,
        settings.kafka_security_protocol,
        settings.kafka_sasl_mechanism if sasl else None,
        settings.kafka_sasl_username if sasl else None,
        password.read_text(encoding="utf-8").strip() if sasl and password is not None else None,
        *(None if p is None else str(p) for p in _tls_files(settings)),
    )


def _tls_files(settings: Settings) -> tuple[Any, Any, Any]:
    return settings.kafka_ssl_cafile, settings.kafka_ssl_certfile, settings.kafka_ssl_keyfile
