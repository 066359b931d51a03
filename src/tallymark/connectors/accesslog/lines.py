"""One line of an access log, read: JSON objects, and the common and combined formats. Pure.

Whatever is wrong with a line is a ValueError that says so to the person who sees it in quarantine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from re import ASCII
from re import compile as pattern
from typing import Any

import orjson

LINE_BYTES = 64 * 1024
DEPTH = 32
KEYS = 1_000

USUAL_KEYS: Mapping[str, tuple[str, ...]] = {
    "time": ("at", "msec", "time", "timestamp", "@timestamp", "time_iso8601", "time_local"),
    "request": ("request",),
    "method": ("method", "request_method"),
    "path": ("path", "uri", "request_uri"),
    "status": ("status",),
    "bytes": ("bytes", "body_bytes_sent", "bytes_sent"),
    "seconds": ("seconds", "request_time"),
    "referrer": ("referrer", "referer", "http_referer"),
    "user_agent": ("user_agent", "agent", "http_user_agent"),
    "address": ("ip", "remote_addr", "address", "client_ip"),
}
"""By what we call it, the keys that may hold it; the first one present wins."""

# every piece has one way to match, so that no line takes longer than its length
_QUOTED = r'"([^"\\]*(?:\\.[^"\\]*)*)"'
COMBINED = pattern(
    rf"(\S+) \S+ [^\[]* \[([^\]]+)\] {_QUOTED} (\d{{3}}|-) (\d+|-)"
    rf"(?: {_QUOTED} {_QUOTED}(?: .*)?)?",
    ASCII,
)
REQUEST = pattern(r"([A-Z][A-Z0-9_-]*) (\S+)(?: HTTP/[\d.]+)?", ASCII)
LOCAL_TIME = pattern(
    r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)", ASCII
)
ESCAPE = pattern(r"\\(x[0-9A-Fa-f]{2}|.)")
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
PLAIN = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read(line: bytes, keys: Mapping[str, str]) -> dict[str, Any]:
    """`ts`, what was asked and answered, and the `address`; what is not there is None.

    Raises: ValueError.
    """
    is_object = line.lstrip()[:1] == b"{"
    given = _renamed(parse_object(line), keys) if is_object else _combined(line)
    method, target = _asked(given)
    path, mark, query = (target or "").partition("?")
    return {
        "ts": _instant(given.get("time")),
        "method": method,
        "path": None if target is None else path,
        "query": query if mark else None,
        "status": _number(given, "status"),
        "bytes": _number(given, "bytes"),
        "seconds": _seconds(given),
        "referrer": _text(given, "referrer"),
        "user_agent": _text(given, "user_agent"),
        "address": _text(given, "address"),
    }


def parse_object(line: bytes) -> dict[str, Any]:
    """The JSON object of a line that is not too long, deep or wide.

    Raises: ValueError.
    """
    _check_length(line)
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"the line is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError("the line is not a JSON object")
    _check_shape(found)
    return found


def is_combined(line: bytes) -> bool:
    """Whether the line is in the common or combined format."""
    try:
        _combined(line)
    except ValueError:
        return False
    return True


def _check_length(line: bytes) -> None:
    if len(line) > LINE_BYTES:
        raise ValueError(f"the line is longer than {LINE_BYTES} bytes")


def _check_shape(found: dict[str, Any]) -> None:
    n_keys, level = 0, list[Any]([found])
    for _ in range(DEPTH):
        below: list[Any] = []
        for value in level:
            inner = value
            if isinstance(value, dict):
                n_keys += len(value)
                inner = value.values()
            below += [v for v in inner if isinstance(v, dict | list)]
        if n_keys > KEYS:
            raise ValueError(f"the line has more than {KEYS} keys")
        if not below:
            return
        level = below
    raise ValueError(f"the line is nested deeper than {DEPTH}")


def _renamed(found: Mapping[str, Any], keys: Mapping[str, str]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, usual in USUAL_KEYS.items():
        for key in (keys[name],) if name in keys else usual:
            if key in found:
                given[name] = found[key]
                break
    return given


def _combined(line: bytes) -> dict[str, Any]:
    _check_length(line)
    try:
        match = COMBINED.fullmatch(line.decode())
    except UnicodeDecodeError as error:
        raise ValueError(f"the line is not UTF-8: {error.reason} at {error.start}") from error
    if match is None:
        raise ValueError("the line is neither a JSON object nor common or combined log format")
    address, time, request, status, sent, referrer, agent = match.groups()
    return {
        "address": address,
        "time": time,
        "request": _plain(request),
        "status": status,
        "bytes": sent,
        "referrer": _plain(referrer or "-"),
        "user_agent": _plain(agent or "-"),
    }


def _plain(text: str) -> str:
    r"""Undo the server's escapes: `\x22`, `\"`, `\\`, `\t`."""
    if "\\" not in text:
        return text
    raw = ESCAPE.sub(
        lambda m: chr(int(m[1][1:], 16)) if len(m[1]) == 3 else PLAIN.get(m[1], m[1]), text
    )
    try:
        # \xHH stands for a byte, several of them for a character
        return raw.encode("latin-1").decode()
    except (UnicodeEncodeError, UnicodeDecodeError):
        return raw


def _asked(given: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Method and target; a request line that is none (a scanner's bytes) is kept as the target."""
    request = _text(given, "request")
    if request is None:
        return _text(given, "method"), _text(given, "path")
    match = REQUEST.fullmatch(request)
    return (match[1], match[2]) if match else (None, request)


def _instant(value: Any) -> datetime:
    """Seconds or milliseconds since 1970, ISO 8601 or the common format, with an offset."""
    if value is None or isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("the line has no time")
    try:
        if not isinstance(value, str):
            return _since_1970(value)
        if match := LOCAL_TIME.fullmatch(value):
            return _local(*match.groups())
        if value.replace(".", "", 1).isdecimal():
            return _since_1970(float(value))
        at = datetime.fromisoformat(value)
        if at.tzinfo is None:
            raise ValueError("it has no offset from UTC")
        return at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"the time {str(value)[:100]!r} cannot be read: {error}") from error


def _since_1970(value: float) -> datetime:
    return EPOCH + timedelta(seconds=value / 1000 if value > 1e11 else value)


def _local(
    day: str, month: str, year: str, hour: str, minute: str, second: str, sign: str, h: str, m: str
) -> datetime:
    month_no = MONTHS.split().index(month) + 1
    at = datetime(int(year), month_no, int(day), int(hour), int(minute), tzinfo=UTC)
    offset = timedelta(hours=int(h), minutes=int(m))
    # a leap second is written as 60
    return at + timedelta(seconds=int(second)) - (offset if sign == "+" else -offset)


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is None or value in ("", "-"):
        return None
    if not isinstance(value, str):
        raise ValueError(f"{name} is not text")
    if "\0" in value:
        raise ValueError(f"{name} holds a NUL character")
    return value


def _number(given: Mapping[str, Any], name: str) -> int | None:
    value = given.get(name)
    if value is None or value in ("", "-"):
        return None
    if isinstance(value, str) and value.isdecimal() and len(value) < 19:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return value
    raise ValueError(f"{name} is not a whole number")


def _seconds(given: Mapping[str, Any]) -> float | None:
    value = given.get("seconds")
    if value is None or value in ("", "-"):
        return None
    try:
        seconds = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if not math.isfinite(seconds):
        raise ValueError("seconds is not a number")
    return seconds
