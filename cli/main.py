"""The `fraud` command: one verb a module."""

from __future__ import annotations

import sys

import typer

from cli.demo import demo
from cli.down import down
from cli.errors import BadInputError
from cli.evaluate import evaluate
from cli.features import features
from cli.progress import console
from cli.replay import replay
from cli.send import send_transactions
from cli.train import train
from cli.up import up
from cli.world import world
from fraud.row_counts import RowCountError

app = typer.Typer(
    name="fraud",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Card-fraud detection on one machine: make a world of cards, compute features, train, evaluate, decide a stream.",
)


@app.callback()
def _fraud() -> None:
    """Hold the verbs together, also while there is only one."""


for verb in (demo, up, down, world, features, train, evaluate, replay):
    app.command()(verb)
app.command("send")(send_transactions)


def main() -> None:
    """Run the command; a person's mistake exits with 2, Ctrl-C with 130, and rows that were lost or multiplied with 1."""
    try:
        app(standalone_mode=False)
    except BadInputError as error:
        console.print(f"fraud: {error}", style="bold red", markup=False, soft_wrap=True)
        sys.exit(2)
    except RowCountError as error:
        console.print(f"fraud: {error}", style="bold red", markup=False, soft_wrap=True)
        sys.exit(1)
    except typer.Abort:
        console.print("fraud: interrupted; nothing half-written is left", markup=False)
        sys.exit(130)
    except Exception as error:
        # Click's usage errors carry their own exit status (2) and know how to show themselves.
        if hasattr(error, "show") and hasattr(error, "exit_code"):
            error.show()
            sys.exit(error.exit_code)
        raise
    except KeyboardInterrupt:
        console.print("fraud: interrupted; nothing half-written is left", markup=False)
        sys.exit(130)


if __name__ == "__main__":
    main()
