"""Synthetic fraud: generators of the rare class, and what their rows are worth."""
