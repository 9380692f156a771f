"""What the search indexes of a clause: its text, and its signs per language as other names for it."""

from pydantic import Field

from cases.evidence import digest
from cases.problem import Record
from policies.clause import Clause

# What titles, prose and part texts of the corpus are written in; signs say the rest per language.
TEXT_LANGUAGE = "en"


class Document(Record):
    """One text that can be found.

    Attributes:
        id: unique in its collection; a clause's id.
        text: what is indexed word by word and embedded.
        aliases: other names for it by language (BCP 47; `*`: any): phrases that a seller would write.
        language: of `text`, BCP 47.
    """

    id: str = Field(min_length=1)
    text: str
    aliases: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    language: str = TEXT_LANGUAGE

    @property
    def sha256(self) -> str:
        """Hash of all that the lexical index takes in; the key of what was built from it."""
        return digest(self.model_dump_json())

    @property
    def text_sha256(self) -> str:
        """Hash of what is embedded; a vector is paid once for it."""
        return digest(self.text)


def document_of(clause: Clause) -> Document:
    """Take a clause's text, its aliases, and the words that speak for any of its parts.

    Words against a part stay out: they name look-alikes, which the clause is not about. So do patterns, whose letters
    are no words.
    """
    aliases: dict[str, list[str]] = {language: list(phrases) for language, phrases in clause.aliases.items()}
    for signs in clause.signs.values():
        for language, phrases in signs.for_.words.items():
            known = aliases.setdefault(language, [])
            known += [phrase for phrase in phrases if not _is_pattern(phrase) and phrase not in known]
    return Document(
        id=clause.id,
        text=clause.text,
        aliases={language: tuple(phrases) for language, phrases in sorted(aliases.items()) if phrases},
    )


def _is_pattern(phrase: str) -> bool:
    return len(phrase) > 1 and phrase.startswith("/") and phrase.endswith("/")
