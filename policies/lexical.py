"""The lexical legs of the search: BM25 over stemmed words and over character 4-grams, in tantivy, on disk or in memory.

Queries are put together from terms, never parsed: a text from outside has no syntax here.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import tantivy

from policies.document import Document
from policies.terms import grams, variants, words

# A page-long listing has thousands of 4-grams; the rarest of them decide, and these many bound the time.
_MAX_WORDS = 160
_MAX_GRAMS = 400
_HEAP = 64_000_000
_TOKENS = "spaced"

Scores = dict[str, float]


class LexicalIndex:
    """BM25 (k1 1.2, b 0.75) over texts and, in fields of their own, their aliases.

    Aliases are apart so that a long list of other names does not make the text look diluted, nor the other way round.
    """

    def __init__(self, index: tantivy.Index, documents: Sequence[Document]) -> None:
        """Serve an index that was built from exactly these documents."""
        self._schema = index.schema
        self._searcher = index.searcher()
        self._ids = frozenset(document.id for document in documents)
        self._text_languages = tuple(sorted({document.language for document in documents}))
        self._languages = tuple(sorted({*self._text_languages, *(k for d in documents for k in d.aliases if k != "*")}))

    @classmethod
    def build(cls, documents: Sequence[Document], folder: Path | None = None) -> "LexicalIndex":
        """Index documents in the order of their ids, so that what ties is decided the same way every time.

        Args:
            documents: ids unique.
            folder: existing and empty; none keeps the index in memory.
        """
        spaced = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
        index = tantivy.Index(_schema(), path=str(folder) if folder else None)
        index.register_tokenizer(_TOKENS, spaced)
        # One thread makes one sequence of segments: the same documents give the same index.
        writer = index.writer(heap_size=_HEAP, num_threads=1)
        for document in sorted(documents, key=lambda d: d.id):
            writer.add_document(tantivy.Document(**_fields(document)))
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        return cls(index, documents)

    @classmethod
    def open(cls, folder: Path, documents: Sequence[Document]) -> "LexicalIndex":
        """Open what `build` left in `folder` for the same documents."""
        return cls(tantivy.Index.open(str(folder)), documents)

    def top(self, query: str, allowed: Collection[str], limit: int, language: str = "") -> dict[str, Scores]:
        """Score the best of `allowed` by each leg, `words` and `grams`.

        Args:
            query: any text.
            allowed: ids; others of the index are passed over, though they count in what is rare.
            limit: how many of each leg.
            language: of the query, BCP 47; empty where unknown.

        Returns:
            By leg: id to BM25 score, above 0.
        """
        among = self._among(allowed)
        legs = {"words": self._words_query(query, language), "grams": self._grams_query(query)}
        return {leg: self._run(asked, among, limit) if asked else {} for leg, asked in legs.items()}

    def _run(self, asked: tantivy.Query, among: list[tuple[tantivy.Occur, tantivy.Query]], limit: int) -> Scores:
        whole = tantivy.Query.boolean_query([(tantivy.Occur.Must, asked), *among]) if among else asked
        found = self._searcher.search(whole, limit, count=False).hits
        return {str(self._searcher.doc(address)["id"][0]): float(score) for score, address in found if score > 0}

    def _among(self, allowed: Collection[str]) -> list[tuple[tantivy.Occur, tantivy.Query]]:
        """Restrict to `allowed` by the shorter of the two lists: those inside, or those outside."""
        inside = self._ids & set(allowed)
        outside = self._ids - inside
        if not outside:
            return []
        if len(outside) < len(inside):
            return [(tantivy.Occur.MustNot, tantivy.Query.term_set_query(self._schema, "id", sorted(outside)))]
        listed = tantivy.Query.term_set_query(self._schema, "id", sorted(inside))
        return [(tantivy.Occur.Must, tantivy.Query.const_score_query(listed, 0.0))]

    def _words_query(self, query: str, language: str) -> tantivy.Query | None:
        known = tuple(sorted({language, *self._text_languages} - {""}))
        asked = Counter(variants(query, known, known if language else self._languages))
        rare = self._rarest(asked, ("words", "alias_words"), _MAX_WORDS)
        return _any_of([self._term(("words", "alias_words"), terms, count) for terms, count in rare]) if rare else None

    def _grams_query(self, query: str) -> tantivy.Query | None:
        asked: Counter[tuple[str, ...]] = Counter((gram,) for gram in grams(query))
        rare = self._rarest(asked, ("grams", "alias_grams"), _MAX_GRAMS)
        return _any_of([self._term(("grams", "alias_grams"), terms, count) for terms, count in rare]) if rare else None

    def _rarest(
        self, asked: Counter[tuple[str, ...]], fields: tuple[str, ...], limit: int
    ) -> list[tuple[tuple[str, ...], int]]:
        """Keep the terms that the index has, the weightiest first: how often asked times how rare (idf)."""
        total = self._searcher.num_docs
        weighty: list[tuple[float, tuple[str, ...], int]] = []
        for terms, count in asked.items():
            found = [t for t in terms if any(self._searcher.doc_freq(field, t) for field in fields)]
            if found:
                often = max(self._searcher.doc_freq(field, t) for field in fields for t in found)
                weighty.append((-count * math.log(1 + total / often), tuple(found), count))
        return [(terms, count) for _, terms, count in sorted(weighty)[:limit]]

    def _term(self, fields: tuple[str, ...], terms: tuple[str, ...], count: int) -> tantivy.Query:
        """One asked word: in each field its best stem counts; text and aliases add up; asked twice, it weighs twice."""
        by_field = [_best_of([tantivy.Query.term_query(self._schema, f, t, "freq") for t in terms]) for f in fields]
        both = _any_of(by_field)
        return tantivy.Query.boost_query(both, float(count)) if count > 1 else both


def _any_of(queries: list[tantivy.Query]) -> tantivy.Query:
    return tantivy.Query.boolean_query([(tantivy.Occur.Should, query) for query in queries])


def _best_of(queries: list[tantivy.Query]) -> tantivy.Query:
    return queries[0] if len(queries) == 1 else tantivy.Query.disjunction_max_query(queries)


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
    for field in ("words", "grams", "alias_words", "alias_grams"):
        builder.add_text_field(field, tokenizer_name=_TOKENS, index_option="freq")
    return builder.build()


def _fields(document: Document) -> dict[str, str]:
    phrases = [(language, phrase) for language, listed in sorted(document.aliases.items()) for phrase in listed]
    return {
        "id": document.id,
        "words": _spaced(words(document.text, document.language)),
        "grams": _spaced(grams(document.text)),
        "alias_words": _spaced(term for language, phrase in phrases for term in words(phrase, language)),
        "alias_grams": _spaced(gram for _, phrase in phrases for gram in grams(phrase)),
    }


def _spaced(terms: Iterable[str]) -> str:
    return " ".join(terms)
