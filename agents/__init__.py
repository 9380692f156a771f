"""Who judges: the rulebook auditor, and auditors on a language model."""
