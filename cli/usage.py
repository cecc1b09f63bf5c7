"""How a command is to be typed: what its help shows of arguments and options, and what is said where it was typed wrongly."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import partial
from typing import Any

from typer.core import TyperCommand

_OFTEN = "..."


class Command(TyperCommand):
    """A command whose help names what is typed as manuals do: `FILE`, `[TRANSACTION]`, `RUN...`; a switch takes nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for param in self.params:
            _with_shown_type(param)

    def get_help_option(self, ctx: Any) -> Any:
        """Typer's `--help`, a switch like others."""
        return _with_shown_type(super().get_help_option(ctx))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # Typer's own types are private
        """What stands in the usage line behind the command."""
        arguments = [param for param in self.params if param.param_type_name == "argument"]
        return ["[OPTIONS]", *map(shown_argument, arguments)]


def _with_shown_type(param: Any) -> Any:
    if param is not None:
        param.display_type_rich = partial(shown_type, param)
    return param


def shown_argument(argument: Any) -> str:
    """An argument in the usage line: in brackets where it may be left out, with dots where there may be several."""
    name = argument.display_name_raw
    if argument.nargs != 1:
        name = f"{name.removesuffix(_OFTEN)}{_OFTEN}"
    return name if argument.required else f"[{name}]"


def shown_type(param: Any, ctx: Any = None) -> str | None:
    """What stands beside the name of an argument or an option: what it takes; an argument's name says it already."""
    if param.param_type_name == "argument" or getattr(param, "is_flag", False):
        return None
    named: str = param.metavar or param.display_type(ctx).strip("<>")
    return {"str": "TEXT", "int": "N", "float": "X"}.get(named, named)


def sentence(error: Any) -> str | None:
    """A command typed wrongly, in the words of every other error: what is wrong, and what says what is allowed.

    Args:
        error: Typer's, whose types are private.

    Returns:
        None for a group without a command, which is no mistake: the error shows its help.
    """
    if type(error).__name__ == "NoArgsIsHelpError":
        return None
    wrong = _wrong(error)
    return f"{wrong}; `{error.ctx.command_path} --help` says what is allowed" if error.ctx else wrong


def _wrong(error: Any) -> str:
    option, param, said = (getattr(error, name, None) for name in ("option_name", "param", "message"))
    said = str(said).removeprefix("Value error, ").rstrip(".")
    if option is not None and hasattr(error, "possibilities"):
        near = " or ".join(get_close_matches(option, error.possibilities or (), 2))
        return f"{option}: no such option" + (f"; did you mean {near}?" if near else "")
    if option is not None:  # with a value too many, or without one
        return f"{option}: {said.partition(f'{option!r} ')[2] or said}"
    if param is None:
        return _of_words(said)
    name = param.display_name_raw if param.param_type_name == "argument" else param.opts[-1]
    return f"{name}: {'missing' if hasattr(error, 'param_type') else said}"


def _of_words(said: str) -> str:
    """
    >>> _of_words("No such command 'wurld'. Did you mean 'world'?")
    "wurld: no such command; did you mean 'world'?"
    >>> _of_words("Got unexpected extra argument(s) (a b)")
    'a b: not expected here'
    """
    if none := re.fullmatch(r"No such command '(.*?)'(?:\. Did you mean (.*))?", said, re.DOTALL):
        return f"{none[1]}: no such command" + (f"; did you mean {none[2]}" if none[2] else "")
    if more := re.fullmatch(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", said, re.DOTALL):
        return f"{more[1]}: not expected here"
    return said
