"""The language of a case, where it does not say it (py3langid, offline; weak on very short text)."""

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier


def language_of(text: str, likely: tuple[str, ...]) -> str:
    """Guess the language of a listing.

    Args:
        text: title and description.
        likely: languages of the region; the guess is one of these or English.

    Returns:
        A two-letter code; the region's first language where there is too little text to tell.
    """
    choices = tuple(dict.fromkeys((*likely, "en")))
    if len(choices) == 1 or not text.strip():
        return choices[0]
    ranked: list[tuple[str, float]] = _identifier().rank(text[:2000])
    return next((language for language, _ in ranked if language in choices), choices[0])


@functools.cache
def _identifier() -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415 - the model costs 0.3 s to load

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
