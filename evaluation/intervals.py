"""Rates with their intervals: no rate is printed without what its number of cases allows it to say."""

import math

from cases.problem import Record

_Z = 1.959964
"""95 %, two-sided."""


class Rate(Record):
    """`hits` of `n`, with the 95 % interval of Wilson (1927).

    Attributes:
        low, high: bounds, 0 to 1; both 0 where nothing was counted. With no hit the upper bound is about 3.8/n (the
            one-sided one about 3/n).
    """

    hits: int
    n: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The rate, 0 to 1; 0 where nothing was counted."""
        return self.hits / self.n if self.n else 0.0

    def __str__(self) -> str:
        """As people read it: per cent, interval, counts."""
        if not self.n:
            return "none to count"
        return f"{100 * self.value:.1f} % [{100 * self.low:.1f}, {100 * self.high:.1f}] ({self.hits} of {self.n})"


def rate(hits: int, n: int) -> Rate:
    """Wilson's score interval for `hits` of `n`."""
    if not n:
        return Rate(hits=0, n=0, low=0.0, high=0.0)
    p, z2 = hits / n, _Z * _Z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Rate(hits=hits, n=n, low=max(0.0, middle - half), high=min(1.0, middle + half))


def mcnemar(won: int, lost: int) -> float:
    """P-value of McNemar's exact test (1947) on `won` and `lost` flips: two-sided, binomial with one half."""
    n, fewer = won + lost, min(won, lost)
    tail = sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n
    return float(min(1.0, 2 * tail)) if n else 1.0
