"""How well it is known where the gimbal looks, at each time of a pass."""

from bisect import bisect_right
from typing import NamedTuple


class SigmaAlong(NamedTuple):
    """1-sigma of the mounting on the sky, along the worse direction, at some times."""

    t_ns: tuple[int, ...]
    """TAI, rising; one at least."""
    sigma_rad: tuple[float, ...]
    """At these times."""

    @classmethod
    def steady(cls, sigma_rad: float) -> "SigmaAlong":
        """The same all the time."""
        return cls((0,), (sigma_rad,))

    def at_rad(self, t_ns: int) -> float:
        """At TAI `t_ns`, linear between two times; before and after all of them, as at the end."""
        i = bisect_right(self.t_ns, t_ns)
        if i == 0:
            return self.sigma_rad[0]
        if i == len(self.t_ns):
            return self.sigma_rad[-1]
        before_ns, before_rad = self.t_ns[i - 1], self.sigma_rad[i - 1]
        share = (t_ns - before_ns) / (self.t_ns[i] - before_ns)
        return before_rad + share * (self.sigma_rad[i] - before_rad)
