"""The pages' words: one catalogue a language, read once; dates, durations and names of places as each writes them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_compact_decimal, format_decimal, format_percent
from markupsafe import Markup, escape

_CATALOGUES = Path(__file__).parent / "words"
TONGUES = ("en", "de")
"""Languages in which the pages are complete; the first where a reader wants none of them."""


class NoSuchWord(KeyError):
    """A page asks for a sentence that the catalogue does not have."""


def read_catalogue(tongue: str) -> dict[str, str]:
    """A language's sentences by dotted key."""
    written = yaml.safe_load((_CATALOGUES / f"{tongue}.yaml").read_text(encoding="utf-8"))
    return dict(_flat(written, ""))


def _flat(written: Mapping[str, object], under: str) -> Iterable[tuple[str, str]]:
    for key, value in written.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{under}{key}.")
        else:
            yield f"{under}{key}", str(value)


@cache
def _catalogue(tongue: str) -> dict[str, str]:
    return read_catalogue(tongue)


def choose_tongue(wanted: str, accepted: str) -> str:
    """The language of the pages: what an account wants, else what the browser's `Accept-Language` asks for first."""
    asked = [wanted, *(part.split(";")[0].strip() for part in accepted.split(","))]
    spoken = [tag.split("-")[0].lower() for tag in asked if tag]
    return next((tag for tag in spoken if tag in TONGUES), TONGUES[0])


@dataclass(frozen=True)
class Words:
    """One language's words, in one reader's time zone."""

    tongue: str = TONGUES[0]
    zone: str = ""

    def __call__(self, key: str, **values: object) -> str:
        """A sentence with its gaps filled; raises NoSuchWord where the catalogue has none."""
        try:
            sentence = _catalogue(self.tongue)[key]
        except KeyError:
            raise NoSuchWord(key) from None
        return sentence.format(**values) if values else sentence

    def markup(self, key: str, **values: object) -> Markup:
        """The same where a gap holds markup; the others are escaped."""
        return Markup(escape(self(key))).format(**values)  # noqa: S704 - the sentence is ours, and escaped

    def count(self, key: str, number: int, **values: object) -> str:
        """A sentence about a number, in the plural form that the language has for it (CLDR's rules)."""
        forms = _catalogue(self.tongue)
        form = str(self.locale.plural_form(number))
        chosen = f"{key}.{form}" if f"{key}.{form}" in forms else f"{key}.other"
        return self(chosen, n=self.number(number), **values)

    def known(self, key: str, otherwise: str) -> str:
        """A sentence, or `otherwise` where the catalogue has none: for names that a corpus or a company may add."""
        return _catalogue(self.tongue).get(key, otherwise)

    @property
    def locale(self) -> Locale:
        """CLDR's knowledge of the language."""
        return _locale(self.tongue)

    @property
    def clock(self) -> ZoneInfo:
        """The reader's time zone; UTC where none is known."""
        try:
            return ZoneInfo(self.zone or "UTC")
        except (ZoneInfoNotFoundError, ValueError):
            return ZoneInfo("UTC")

    def number(self, value: float, digits: int = 0) -> str:
        """A number as people write it, with at most `digits` after the point."""
        return format_decimal(round(value, digits), locale=self.locale)

    def compact(self, value: float) -> str:
        """A large number in few characters, such as 12K."""
        return format_compact_decimal(value, locale=self.locale, fraction_digits=1)

    def percent(self, share: float, digits: int = 0) -> str:
        """A share, 0 to 1, in per cent."""
        pattern = "#,##0." + "0" * digits + "%" if digits else "#,##0%"
        return format_percent(share, pattern, locale=self.locale)

    def day(self, moment: datetime | date) -> str:
        """A day, such as 14 Mar 2026: a moment's in the reader's zone."""
        local = moment.astimezone(self.clock) if isinstance(moment, datetime) else moment
        return format_date(local, "d MMM y", locale=self.locale)

    def moment(self, moment: datetime) -> str:
        """A day and a time in the reader's zone."""
        return format_datetime(moment.astimezone(self.clock), "d MMM y, HH:mm", locale=self.locale)

    def time(self, moment: datetime) -> str:
        """A time of day in the reader's zone."""
        return format_time(moment.astimezone(self.clock), "HH:mm", locale=self.locale)

    def span(self, length: timedelta) -> str:
        """A length of time in at most two units, such as `2 h 41 min`."""
        minutes = max(0, int(abs(length).total_seconds()) // 60)
        days, rest = divmod(minutes, 24 * 60)
        hours, left = divmod(rest, 60)
        if days:
            told = self.count("time.days", days)
            return f"{told} {self('time.hours', n=hours)}" if hours and days < 7 else told  # noqa: PLR2004 - a week
        if hours:
            return f"{self('time.hours', n=hours)} {self('time.minutes', n=f'{left:02}')}"
        return self("time.minutes", n=left)

    def seconds(self, length: float | None) -> str:
        """A length of time in seconds, as people say it; a dash where there is none."""
        if length is None:
            return "–"
        if length < 60:  # noqa: PLR2004 - a minute
            return self("time.seconds", n=self.number(length, 1))
        return self.span(timedelta(seconds=length))

    def left(self, until: datetime, now: datetime | None = None) -> str:
        """How long until a moment, or for how long it is over."""
        length = until - (now or datetime.now(UTC))
        return self("time.over" if length < timedelta(0) else "time.left", span=self.span(length))

    def language(self, tag: str) -> str:
        """A language by name; its tag where it has none."""
        try:
            return Locale.parse(tag, sep="-").get_language_name(self.tongue) or tag
        except (UnknownLocaleError, ValueError):
            return tag

    def region(self, code: str) -> str:
        """A market by name: `GB-SCT` as its country with the rest; its code where it has none."""
        country, _, part = code.partition("-")
        name = self.locale.territories.get(country, country)
        return f"{name} ({part})" if part else name


@cache
def _locale(tongue: str) -> Locale:
    return Locale.parse(tongue)
