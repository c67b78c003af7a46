"""The naive way, for comparison: a plain Faust agent that decodes, and one SQLModel row and commit per event.

It leaves out schemes, signatures and deduplication; what it shows is the cost of one event at a time.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import faust
import psycopg
from sqlalchemy import MetaData
from sqlmodel import Field, Session, SQLModel, create_engine

from deploy.bench import rounds
from deploy.embedded.stack import Servers
from streams import synthetic


class NaiveRow(SQLModel, table=True):
    """A gig as a row; its metadata are its own, so that no ledger's schema ever holds it."""

    metadata = MetaData()
    __tablename__ = "naive"

    id: int | None = Field(default=None, primary_key=True)
    worker: str
    gig: str
    event: str


def rate(servers: Servers, home: Path, name: str, gigs: int) -> float:
    """Give events per second of the naive way over `gigs` records that wait in the topic."""
    ready = rounds.found(servers, home, name, 8, None)
    NaiveRow.metadata.create_all(create_engine(ready.url.replace("postgresql:", "postgresql+psycopg:", 1)))
    rounds.load(ready, synthetic.bench_gigs(1, gigs, 20_000, rounds.PLATFORM))
    command = [sys.executable, "-m", "deploy.bench.naive", servers.kafka_bootstrap_servers, ready.topic, ready.url]
    environ = {k: v for k, v in os.environ.items() if "IURAN" not in k} | {"NAIVE_DATADIR": str(home / name)}
    with (ready.settings.home / "naive.log").open("ab") as log:
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
        try:
            with psycopg.connect(ready.url, autocommit=True) as connection:
                timed = rounds.time_until(connection, "SELECT count(*) FROM naive", gigs, [process])
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    return timed.events / timed.seconds


def main(bootstrap_servers: str, topic: str, url: str) -> None:
    """Run the naive agent until killed."""
    app = faust.App(
        f"naive-{topic}",
        broker=f"kafka://{bootstrap_servers}",
        value_serializer="raw",
        key_serializer="raw",
        web_enabled=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        datadir=os.environ["NAIVE_DATADIR"],
    )
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:", 1))

    @app.agent(app.topic(topic, key_serializer="raw", value_serializer="raw"))  # type: ignore[untyped-decorator]
    async def settle(stream: faust.StreamT) -> None:
        async for value in stream:
            event = json.loads(value)
            with Session(engine) as session:
                session.add(NaiveRow(worker=event["subject"], gig=event["id"], event=json.dumps(event["data"])))
                session.commit()

    faust.Worker(app, loglevel="WARNING").execute_from_commandline()


if __name__ == "__main__":
    main(*sys.argv[1:4])
