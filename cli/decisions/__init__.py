"""`fraud decisions`: the newest ones, and by `fraud decisions show` one that is made again."""

from cli.decisions.listing import decisions

__all__ = ["decisions"]
