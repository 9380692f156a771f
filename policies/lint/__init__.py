"""Checks for those who write policies: what loads, and is wrong all the same."""
