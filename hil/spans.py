"""Flags over time: from when to when which of them stood."""

from enum import IntFlag
from typing import Any


class FlagSpans:
    """Spans of unchanged flags, of a value that is looked at from time to time."""

    def __init__(self, kind: type[IntFlag], key: str) -> None:
        """key: the name under which a span lists its flags."""
        self._kind, self._key = kind, key
        self._value = 0
        self.spans: list[dict[str, Any]] = []
        """{t_s, until_s, key: names}, in order; the last one may still go on."""

    def see(self, t_s: float, value: int) -> None:
        """The value from t_s on; times do not fall."""
        if self._value:
            self.spans[-1]["until_s"] = round(t_s, 3)
        if value and value != self._value:
            names = [flag.name for flag in self._kind if flag & value]
            self.spans.append({"t_s": round(t_s, 3), "until_s": round(t_s, 3), self._key: names})
        self._value = value
