"""What is wrong with a table, a model or a setting of synthesis."""

from __future__ import annotations


class SynthesisError(ValueError):
    """Says what is wrong, where, and what is allowed."""
