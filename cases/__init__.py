"""The vocabulary: what is judged and decided. Pure types and functions; importing it does nothing."""
