"""Schedules by name: `@daily` is short for a cron text, `WEEKLY 06:00` goes by the calendar."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from tallymark.calendar.offsets import DAY_S, HOUR_S
from tallymark.errors import ConfigError
from tallymark.model import Grain

CRON_NAMES: Mapping[str, str] = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
"""As cron has them, whatever the workspace's calendar: `@weekly` is the midnight of Sundays."""

WORDS: Mapping[str, Grain] = {
    "DAILY": "day",
    "WEEKLY": "week",
    "MONTHLY": "month",
    "QUARTERLY": "quarter",
}
_PLAIN_DAYS = {
    "DAILY": "* * *",
    "WEEKLY": "* * 1",
    "MONTHLY": "1 * *",
    "QUARTERLY": "1 1,4,7,10 *",
}
_SHORTEST_DAYS = {"DAILY": 1, "WEEKLY": 7, "MONTHLY": 28, "QUARTERLY": 90}
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Recurring:
    """The first day of each period of a grain, at a time of day."""

    word: str
    at_s: int

    @property
    def grain(self) -> Grain:
        return WORDS[self.word]

    @property
    def step_s(self) -> float:
        return float(_SHORTEST_DAYS[self.word] * DAY_S)

    @property
    def cron_text(self) -> str:
        """The same for weeks from Monday and years from January."""
        hour, minute = divmod(self.at_s // 60, 60)
        return f"{minute} {hour} {_PLAIN_DAYS[self.word]}"


def recurring(text: str) -> Recurring | None:
    """Read `DAILY`, `WEEKLY 06:00`, `MONTHLY at 06:00`; None for a text of another kind.

    Raises: ConfigError for one of these words with something else behind it.
    """
    word, *rest = text.upper().split() or [""]
    if word not in WORDS:
        return None
    if rest[:1] == ["AT"]:
        rest = rest[1:] or [""]
    found = _TIME.fullmatch(" ".join(rest)) if rest else _TIME.fullmatch("00:00")
    if found is None:
        raise ConfigError(
            f"the schedule {text!r} cannot be read: write {word}, or {word} and a time of day "
            f"from 00:00 to 23:59, such as {word} 06:00"
        )
    return Recurring(word, int(found[1]) * HOUR_S + int(found[2]) * 60)


def cron_text(text: str) -> str:
    """The five fields that a name such as `@daily` stands for; any other text as it is.

    Raises: ConfigError for an unknown name.
    """
    name = text.strip().lower()
    if not name.startswith("@"):
        return text
    if name not in CRON_NAMES:
        known = ", ".join(CRON_NAMES)
        raise ConfigError(f"there is no schedule {text.strip()!r}: known are {known}{meant(text)}")
    return CRON_NAMES[name]


def meant(text: str) -> str:
    """`; did you mean WEEKLY?` where the first word of a text is nearly one that is known."""
    by_lower = {known.lower(): known for known in (*CRON_NAMES, *WORDS)}
    words = text.lower().split() or [""]
    near = difflib.get_close_matches(words[0], by_lower, n=1, cutoff=0.75)
    return f"; did you mean {by_lower[near[0]]}?" if near else ""
