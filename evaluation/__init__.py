"""How well it decides: argued cases, retrieval queries, scores with their intervals, comparisons, reports."""
