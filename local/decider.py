"""The deciding process: reads the topic `features`, decides, records; and watches that no transaction goes undecided.

    python -m local.decider --config decider.json

The file holds the fields of `local.decider_settings.DeciderSettings`. Prints a line once it reads. SIGTERM ends it after the
batch in hand.
"""

from __future__ import annotations

import argparse
import gc
import signal
import sys
import threading
from contextlib import closing
from pathlib import Path

from pydantic import ValidationError

from fraud.deciding import Deciding
from local.consumer import CommittingConsumer
from local.decider_settings import DeciderSettings
from local.quarantine import Quarantine
from local.scoring import HttpScorer
from local.stores import SqliteDecisionStore, SqliteNightlyStore
from local.watch import Pending, Watch

GATHER_MS = 200
"""The watch is in no hurry, and each answer costs the broker as much as a transaction does."""


def decide_features(settings: DeciderSettings, stop: threading.Event) -> None:
    """Decides the topic `features` until `stop` is set. Offsets are committed after their decisions are recorded."""
    with (
        closing(SqliteDecisionStore(settings.decisions)) as store,
        closing(SqliteNightlyStore(settings.nightly)) as nightly,
        closing(HttpScorer(settings.scoring_url, settings.scoring_timeout_s)) as scorer,
        closing(
            CommittingConsumer(
                settings.bootstrap_servers,
                settings.features_topic,
                group=f"{settings.group}-features",
                member=settings.member,
            )
        ) as consumer,
    ):
        deciding = Deciding(
            nightly=nightly,
            scorer=scorer,
            store=store,
            fallback=settings.fallback,
            nightly_too_old_after_ms=round(settings.nightly_too_old_after_h * 3_600_000),
        )
        quarantine = Quarantine(settings.bootstrap_servers, settings.quarantine_topic)
        said = False
        while not stop.is_set():
            messages = consumer.read(settings.batch_size, settings.linger_ms / 1000)
            if consumer.assigned and not said:
                said = True
                print(f"deciding {settings.features_topic}", flush=True)
            if not messages:
                continue
            batch = deciding.decide_batch([message.value() or b"" for message in messages])
            for rejected in batch.rejected:
                quarantine.put(messages[rejected.position], rejected.error)
            if batch.rejected:
                quarantine.flush()
            consumer.finished({message.partition() or 0: (message.offset() or 0) + 1 for message in messages})


def watch_transactions(settings: DeciderSettings, stop: threading.Event) -> None:
    """Watches the topic `transactions` until `stop` is set."""
    pending = Pending()
    with (
        closing(SqliteDecisionStore(settings.decisions)) as store,
        closing(
            CommittingConsumer(
                settings.bootstrap_servers,
                settings.transactions_topic,
                group=f"{settings.group}-watch",
                member=settings.member,
                gather_ms=GATHER_MS,
                on_lost=pending.drop,
            )
        ) as consumer,
    ):
        watch = Watch(
            consumer,
            pending,
            store=store,
            quarantine=Quarantine(settings.bootstrap_servers, settings.quarantine_topic),
            fallback=settings.fallback,
            undecided_after_s=settings.undecided_after_s,
            max_pending=settings.max_pending,
        )
        watch.run(stop)


def run(settings: DeciderSettings, stop: threading.Event) -> None:
    """Decides and watches until `stop` is set; an error in either ends both."""
    failures: list[BaseException] = []

    def watch() -> None:
        try:
            watch_transactions(settings, stop)
        except BaseException as error:  # noqa: BLE001 - raised again below, in the main thread
            failures.append(error)
        finally:
            stop.set()

    watching = threading.Thread(target=watch, name="watch")
    watching.start()
    try:
        decide_features(settings, stop)
    finally:
        stop.set()
        watching.join()
    if failures:
        raise failures[0]


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Decide the transactions of a Kafka broker.")
    parser.add_argument("--config", type=Path, required=True, help="a JSON file of the settings")
    options = parser.parse_args(arguments)
    try:
        settings = DeciderSettings.model_validate_json(options.config.read_bytes())
    except (OSError, ValidationError) as error:
        parser.error(f"--config: {error}")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    # what is loaded by now stays for good; without this the collector walks it again in the middle of batches
    gc.freeze()
    run(settings, stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
