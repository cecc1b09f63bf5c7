"""The settings, by subject: each group with its fields and what must hold between them."""
