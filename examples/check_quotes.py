"""Check every quote in a results file without Casewright: python examples/check_quotes.py results.jsonl

Uses the standard library only. A result line carries its evidence and the text of every clause it was judged by, so
that anyone can do this. Exit status 1 where a quote is not there, or stands elsewhere than it says.
"""

import hashlib
import json
import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def main() -> None:
    """Read the file, check, print."""
    checked, wrong = 0, []
    for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines():
        result = json.loads(line)
        evidence = {item["id"]: item["text"] for item in result.get("evidence", [])}
        wrong += [
            (result["case_id"], item["id"], "the text does not have its hash")
            for item in result.get("evidence", [])
            if hashlib.sha256(item["text"].encode("utf-8", "surrogatepass")).hexdigest() != item["sha256"]
        ]
        for quote in quotes(result.get("decision") or result.get("escalation") or {}):
            checked += 1
            text = evidence.get(quote["evidence_id"]) or result["clauses"].get(quote["clause_id"], "")
            if fault := fault_of(quote, text):
                wrong.append((result["case_id"], quote["evidence_id"] or quote["clause_id"], fault))
    for case_id, where, fault in wrong:
        print(f"{case_id}: {where}: {fault}")
    print(f"{checked} quotes checked, {len(wrong)} wrong")
    sys.exit(1 if wrong or not checked else 0)


def quotes(value: Any) -> Iterator[dict[str, Any]]:
    """Every quote anywhere in a decision or escalation."""
    if isinstance(value, dict):
        if {"evidence_id", "clause_id", "text"} <= value.keys():
            yield value
        for inner in value.values():
            yield from quotes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from quotes(inner)


def fault_of(quote: dict[str, Any], text: str) -> str:
    """What is wrong with a quote; empty where it stands in the text, where it says."""
    words = folded(quote["text"])
    if not words or words not in folded(text):
        return f"not there: {quote['text'][:60]!r}"
    if quote["start"] is None:
        return f"says not where it stands: {quote['text'][:60]!r}"
    if folded(text[quote["start"] : quote["end"]]) != words:
        return f"stands elsewhere than it says: {quote['text'][:60]!r}"
    return ""


def folded(text: str) -> str:
    """NFC, white space folded: the only liberties that a quote may take."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", text)).strip()


if __name__ == "__main__":
    main()
