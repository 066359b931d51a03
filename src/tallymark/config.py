"""The settings: where things are, and what may be called. Read once, from the environment."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from tallymark.errors import ConfigError
from tallymark.model import Secret

PREFIX = "TALLYMARK_"
HOST_PORT = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:/@\[\]]+):([0-9]{1,5})")


@dataclass(frozen=True)
class Setting:
    """One setting; the reference page, `doctor` and the error messages are made from these."""

    name: str
    default: str
    help: str


SETTINGS = (
    Setting("HOME", "~/.local/share/tallymark", "The folder that holds everything by default."),
    Setting("DATABASE_URL", "", "SQLite in the home when empty, or postgresql://user@host/name."),
    Setting("LAKE_URL", "", "The folder of the lake; `lake` in the home when empty."),
    Setting("COMPUTE_URL", "", "Who scans the lake: empty is DuckDB in the process."),
    Setting("ALLOW_ADDRESSES", "", "host:port pairs, with commas, that are called though private."),
    Setting("SECRET_KEY", "", "Wraps generated secrets; made in the home when empty."),
    Setting("FLUSH_S", "60", "Seconds after which what was pushed goes into the lake."),
    Setting("BEAT_S", "5", "Seconds between the beats of a process that owns tasks."),
    Setting("CLAIM_TIMEOUT_S", "15", "Seconds without a beat after which a task is taken over."),
    Setting("REPORT_LOOK_S", "30", "Seconds after which data that a report lacks is looked for."),
    Setting("WORKER_THREADS", "4", "Tasks that one process works on at the same time."),
)


@dataclass(frozen=True)
class Config:
    """The settings, checked."""

    home: Path
    database_url: str | None = None
    lake_path: Path | None = None
    allow_addresses: frozenset[str] = frozenset()
    secret_key: Secret | None = None
    flush_s: float = 60
    beat_s: float = 5
    claim_timeout_s: float = 15
    report_look_s: float = 30
    worker_threads: int = 4
    workspace: Path | None = None

    @property
    def lake_root(self) -> Path:
        return self.lake_path or self.home / "lake"

    @property
    def workspace_path(self) -> Path:
        return self.workspace or self.home / "workspace"


def load(env: Mapping[str, str], **given: object) -> Config:
    """The settings of an environment; what is `given` (not None) goes before.

    Raises: ConfigError that names the setting and says what is right.
    """
    _refuse_unknown(env)
    read = {s.name: _read(env, s) for s in SETTINGS}
    config = Config(
        home=_path("HOME", read["HOME"]).resolve(),
        database_url=_database(read["DATABASE_URL"]),
        lake_path=_folder(read["LAKE_URL"]),
        allow_addresses=_addresses(read["ALLOW_ADDRESSES"]),
        secret_key=Secret(read["SECRET_KEY"]) if read["SECRET_KEY"] else None,
        flush_s=_seconds("FLUSH_S", read["FLUSH_S"]),
        beat_s=_seconds("BEAT_S", read["BEAT_S"]),
        claim_timeout_s=_seconds("CLAIM_TIMEOUT_S", read["CLAIM_TIMEOUT_S"]),
        report_look_s=_seconds("REPORT_LOOK_S", read["REPORT_LOOK_S"]),
        worker_threads=_count("WORKER_THREADS", read["WORKER_THREADS"]),
    )
    if read["COMPUTE_URL"]:
        raise ConfigError(f"{PREFIX}COMPUTE_URL: only the empty value (DuckDB) is known so far")
    known = {f.name for f in fields(Config)}
    chosen = {k: v for k, v in given.items() if v is not None and k in known}
    config = replace(config, **chosen)  # type: ignore[arg-type]
    if config.claim_timeout_s <= 2 * config.beat_s:
        raise ConfigError(
            f"{PREFIX}CLAIM_TIMEOUT_S ({config.claim_timeout_s:g}) must be more than twice "
            f"{PREFIX}BEAT_S ({config.beat_s:g})"
        )
    return config


def _read(env: Mapping[str, str], setting: Setting) -> str:
    name = PREFIX + setting.name
    given, path = env.get(name, "").strip(), env.get(f"{name}_FILE", "").strip()
    if given and path:
        raise ConfigError(f"{name} and {name}_FILE are both set: leave one of them out")
    if path:
        try:
            given = Path(path).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{name}_FILE: {path} cannot be read: {error}") from error
    return given or setting.default


def _refuse_unknown(env: Mapping[str, str]) -> None:
    """What is nearly one of our names; a secret of the workspace may begin with the prefix too."""
    known = [s.name for s in SETTINGS]
    for name in env:
        if not name.upper().startswith(PREFIX):
            continue
        given = name[len(PREFIX) :].removesuffix("_FILE")
        near = difflib.get_close_matches(given.upper(), known, n=1, cutoff=0.85)
        if near and (given != near[0] or not name.startswith(PREFIX)):
            raise ConfigError(f"{name} is no setting: did you mean {PREFIX}{near[0]}?")


def _database(text: str) -> str | None:
    if not text:
        return None
    if not text.startswith(("postgresql://", "postgresql+psycopg://", "postgres://")):
        # nothing after the scheme is shown: it may hold a password
        shown = f"{text.split('://', maxsplit=1)[0]}://…" if "://" in text else "it"
        raise ConfigError(
            f"{PREFIX}DATABASE_URL: {shown} is not known; "
            "leave it empty for SQLite, or give postgresql://…"
        )
    return text


def _folder(text: str) -> Path | None:
    if not text:
        return None
    if "://" in text and not text.startswith("file://"):
        raise ConfigError(f"{PREFIX}LAKE_URL: {text} is not a folder; give an absolute path")
    path = _path("LAKE_URL", text.removeprefix("file://"))
    if not path.is_absolute():
        raise ConfigError(f"{PREFIX}LAKE_URL: {text} is not an absolute path")
    return path


def _addresses(text: str) -> frozenset[str]:
    found = [part.strip() for part in text.split(",") if part.strip()]
    for part in found:
        host_port = HOST_PORT.fullmatch(part)
        if host_port is None or not 0 < int(host_port[2]) < 65_536:
            raise ConfigError(
                f"{PREFIX}ALLOW_ADDRESSES: {part!r} is not host:port, such as 127.0.0.1:8080"
            )
    return frozenset(part.lower() for part in found)


def _path(name: str, text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"{PREFIX}{name}: {text} names a user that is not there") from error


def _seconds(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < 86_400:
        raise ConfigError(f"{PREFIX}{name}: {text!r} is not a number of seconds, 0 to a day")
    return value


def _count(name: str, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= 64:
        raise ConfigError(f"{PREFIX}{name}: {text!r} is not a number from 1 to 64")
    return int(text)
