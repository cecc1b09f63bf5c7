"""What is wrong with transactions or numbers given to the episodes."""

from __future__ import annotations


class EpisodesError(ValueError):
    """Says what is wrong, where, and what is allowed."""
