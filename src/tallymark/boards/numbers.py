"""How a number is written: 1,234 below ten thousand, then 12.4 k, 3.1 M. Pure."""

from __future__ import annotations

Number = int | float

_STEPS = ((1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T"))
NONE = "–"


def compact(value: Number | None) -> str:
    """Short enough to be large on a card."""
    if value is None:
        return NONE
    if abs(value) < 9_999.5:
        return exact(round(value, 1 if abs(value) < 100 else 0))
    for step, sign in _STEPS:
        scaled = round(abs(value) / step, 1)
        if scaled < 1000 or sign == "T":  # 999,960 would read 1000.0 k: it is 1.0 M
            return f"{_signed(f'{scaled:,.1f}', value)} {sign}"
    raise AssertionError("the last step always fits")


def exact(value: Number | None) -> str:
    """Every digit, grouped by thousands; at most three decimals."""
    if value is None:
        return NONE
    if isinstance(value, float) and not value.is_integer():
        return _signed(f"{abs(value):,.3f}".rstrip("0").rstrip("."), value)
    return _signed(f"{abs(int(value)):,}", value)


def difference(value: Number, than: Number) -> str:
    """How far apart two numbers are: `+409.1 k (+12.4 %)`; of zero nothing is a percentage."""
    text = _plus(compact(value - than), value - than)
    return f"{text} ({percent(value, than)})" if than else text


def percent(value: Number, than: Number) -> str:
    """`+12.4 %`, `−38 %` without a fraction from a hundred on; `than` is not 0."""
    share = (value - than) / abs(than) * 100
    places = 1 if abs(share) < 99.95 else 0
    return _plus(_signed(f"{abs(share):,.{places}f} %", share), round(share, places))


def _plus(text: str, value: Number) -> str:
    return f"+{text}" if value > 0 else text


def _signed(text: str, value: Number) -> str:
    return f"−{text}" if value < 0 and text.strip("0., %") else text
