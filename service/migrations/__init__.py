"""Numbered SQL files, applied in order and once each."""
