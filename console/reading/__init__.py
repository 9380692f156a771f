"""What a page about a case shows, read from what is stored: evidence, findings, clauses and questions."""
