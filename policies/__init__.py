"""The rules and how to find them: clauses as files, the corpus in force, signs, search."""
