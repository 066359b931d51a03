"""Secrets: one key of our own, and references to those of others. Values never stand in files."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tallymark.errors import ConfigError
from tallymark.model import Secret
from tallymark.state.database import fsync_dir

KEY_FILE = "secret.key"
SHORTEST = 32
REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_DEFAULTS = re.compile(r"change|secret|password|example|default|insecure", re.IGNORECASE)

HOW = "make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"


def secret_key(home: Path, setting: Secret | str | None = None) -> Secret:
    """The key that signs and wraps: from TALLYMARK_SECRET_KEY, or generated into the home folder.

    Raises: ConfigError for a key that is short or can be guessed.
    """
    if setting is not None:
        value = setting.reveal() if isinstance(setting, Secret) else setting
        if len(set(value)) < 10 or _DEFAULTS.search(value):
            raise ConfigError(f"TALLYMARK_SECRET_KEY can be guessed: {HOW}")
        return _checked(value, "TALLYMARK_SECRET_KEY")
    path = home / KEY_FILE
    if not path.exists():
        _generate(path)
    return _checked(path.read_text().strip(), str(path))


def _checked(value: str, where: str) -> Secret:
    if len(value) < SHORTEST:
        raise ConfigError(f"{where} has fewer than {SHORTEST} characters: {HOW}")
    return Secret(value)


def _generate(path: Path) -> None:
    fresh = path.with_name(f".{KEY_FILE}.{secrets.token_hex(8)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, secrets.token_urlsafe(32).encode())
        os.fsync(handle)
        # another process may have been first: its key stays
        with suppress(FileExistsError):
            path.hardlink_to(fresh)
    finally:
        os.close(handle)
        fresh.unlink()
        fsync_dir(path.parent)


def resolve(value: str, env: Mapping[str, str]) -> Secret:
    """What a reference `${NAME}` names: the variable, or the content of the file NAME_FILE.

    Raises: ConfigError where it is no reference, or leads nowhere.
    """
    found = REFERENCE.fullmatch(value.strip())
    if not found:
        raise ConfigError("a secret is given by reference: write ${NAME} and set NAME or NAME_FILE")
    name = found[1]
    if name in env:
        return Secret(env[name])
    if f"{name}_FILE" not in env:
        raise ConfigError(f"{name} is not set: set it, or set {name}_FILE to a file that holds it")
    path = Path(env[f"{name}_FILE"])
    try:
        return Secret(path.read_text().rstrip("\r\n"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name}_FILE names {path}, which cannot be read: {error}") from error
