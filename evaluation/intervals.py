"""Rates with their intervals: no rate is printed without what its number of cases allows it to say."""

import math

from cases.problem import Record

_Z = 1.959964
"""95 %, two-sided."""
_TAIL = 0.05
"""What lies beyond a one-sided bound of 95 %."""


class Rate(Record):
    """`hits` of `n`, with the 95 % interval of Wilson (1927).

    Attributes:
        low, high: bounds, 0 to 1; both 0 where nothing was counted.
    """

    hits: int
    n: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The rate, 0 to 1; 0 where nothing was counted."""
        return self.hits / self.n if self.n else 0.0

    @property
    def bound(self) -> float:
        """Upper 95 % bound of the rate, one-sided and exact (Clopper and Pearson, 1934); with no hit about 3/n."""
        if self.hits >= self.n:
            return 1.0
        low, high = self.hits / self.n, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if _at_most(self.hits, self.n, middle) > _TAIL else (low, middle)
        return high

    @property
    def counted(self) -> str:
        """For what should not happen at all: the count, and how much of it the number of cases cannot rule out."""
        return f"{self.hits} of {self.n} (95 % bound {100 * self.bound:.1f} %)" if self.n else "none to count"

    @property
    def short(self) -> str:
        """Per cent and interval, where the counts stand beside it."""
        return f"{100 * self.value:.1f} % [{100 * self.low:.1f}, {100 * self.high:.1f}]" if self.n else "none to count"

    def __str__(self) -> str:
        """As people read it: per cent, interval, counts; of none, the count and its bound."""
        return f"{self.short} ({self.hits} of {self.n})" if self.hits else self.counted


def rate(hits: int, n: int) -> Rate:
    """Wilson's score interval for `hits` of `n`."""
    if not n:
        return Rate(hits=0, n=0, low=0.0, high=0.0)
    p, z2 = hits / n, _Z * _Z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Rate(hits=hits, n=n, low=max(0.0, middle - half), high=min(1.0, middle + half))


def _at_most(hits: int, n: int, p: float) -> float:
    """Chance of at most `hits` of `n`, each with chance `p` (above 0 and below 1)."""
    whole = math.lgamma(n + 1)
    return sum(
        math.exp(whole - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(p) + (n - k) * math.log1p(-p))
        for k in range(hits + 1)
    )


def mcnemar(won: int, lost: int) -> float:
    """P-value of McNemar's exact test (1947) on `won` and `lost` flips: two-sided, binomial with one half."""
    n, fewer = won + lost, min(won, lost)
    tail = sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n
    return float(min(1.0, 2 * tail)) if n else 1.0
