"""What the application keeps of its past, read for decisions to be made again: raw rows, nightly sums, models, the rule."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
from botocore.exceptions import ClientError
from confluent_kafka import KafkaException

from emulator.sagemaker.containers import extract
from fraud.clock import day_of, moment
from fraud.decision import Decision, FallbackRule
from fraud.durations import MS_PER_DAY, MS_PER_HOUR
from fraud.features.catalogue import CATALOGUE
from fraud.features.habits import LONGEST_DAYS
from fraud.features.nightly import Population
from fraud.features.sql import daily_tables
from fraud.ports import Nightly
from fraud.transaction import InvalidTransactionError, is_heartbeat, parse_transaction
from lambda_src.archive.rows import TRANSACTIONS, transaction_row
from local.application import Application
from local.decided_again import GoneError, Model
from local.deciding_ports import ModelScorer
from local.topic_contents import read_records
from sagemaker_src.processing.batch_features import engine
from sagemaker_src.processing.engines import open_engine
from sagemaker_src.processing.entity_risk import parts, population_shares, sum_up, tell
from sagemaker_src.processing.nightly import population, snapshot
from sagemaker_src.processing.nightly_sums import sums_columns
from sagemaker_src.processing.transactions import sql_paths

TOPIC = "transactions"
READERS = 16
"""Objects that are read at a time: a call is mostly waiting."""
_OF_TOPIC = re.compile(r"-[0-9]+-[0-9]+-[0-9]+\.parquet$")
"""How the function `archive` names what came through the topic. Other rows of the archive never passed the stream's windows."""
_A_DAY = re.compile("[0-9]{1,6}")


@dataclass(frozen=True)
class Rule:
    """What decides when the model cannot be asked, as it is deployed now.

    Attributes:
        rule: the limits.
        nightly_too_old_after_ms: from which age nightly features carry a warning.
        since: when the function that holds them was deployed, as Lambda says it, in ISO 8601.
        control_group_percent: the share of the control group.
    """

    rule: FallbackRule
    nightly_too_old_after_ms: int
    since: str
    control_group_percent: float = 0


def deployed_rule(application: Application) -> Rule:
    """The rule of the function that decides."""
    found = application.function("decide")
    said = found["Environment"]["Variables"]
    hours = float(said["NIGHTLY_TOO_OLD_AFTER_H"])
    return Rule(
        FallbackRule.model_validate_json(said["FALLBACK_RULE"]),
        round(hours * MS_PER_HOUR),
        found["LastModified"],
        float(said.get("CONTROL_GROUP_PERCENT", "0")),  # a release before has none
    )


@dataclass
class Archive:
    """The archive bucket and what stands beside it.

    Args:
        application: whose.
        folder: for what is read; the caller removes it.
        topic: whether what is not archived yet is read from Kafka, which only this machine's is open to.
    """

    application: Application
    folder: Path
    topic: bool = True
    _models: dict[str, Model] = field(default_factory=dict)

    def download(self, bucket: str, keys: Sequence[str], report: Any = lambda *_: None) -> list[Path]:
        """The objects as files, each below the folder by its key."""

        def one(key: str) -> Path:
            path = self.folder / bucket / key
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self.application.get(bucket, key))
            return path

        with ThreadPoolExecutor(READERS) as readers:
            paths = []
            for path in readers.map(one, keys):
                paths.append(path)
                report("reading the archive", len(paths), len(keys))
        return paths

    def rows_of(self, decision: Decision, report: Any = lambda *_: None) -> pa.Table:
        """The raw rows that the stream's windows of a transaction look back on, in the archive's columns, each transaction once.

        They are those of its card, and of whatever else windows are declared by. Empty without the transaction itself.
        """
        moments = (decision.trans_time, decision.decided_at)
        days = {day_of(at - back) for at in moments for back in (0, MS_PER_DAY)}
        keys = [
            key
            for day in sorted(days)
            for key in self.application.keys("ArchiveBucket", f"transactions/day={day}/")
            if _OF_TOPIC.search(key)
        ]
        files = self.download("ArchiveBucket", keys, report)
        columns = ", ".join(TRANSACTIONS.names)
        by = [name for name in CATALOGUE.window_columns if name in TRANSACTIONS.names and name != "cc_num"]
        same = " OR ".join(f"r.{name} IN (SELECT {name} FROM wanted)" for name in ("cc_num", *by))
        with engine() as connection:
            connection.register("given", TRANSACTIONS.empty_table())
            connection.register("waiting", self._not_archived())
            source = "SELECT * FROM given UNION ALL BY NAME SELECT * FROM waiting"
            if files:
                read = f"read_parquet({sql_paths(files)}, union_by_name=true, hive_partitioning=false)"
                source += f" UNION ALL BY NAME SELECT * FROM {read}"
            connection.execute(f"CREATE TABLE there AS SELECT {columns} FROM ({source})")
            # once, at its first arrival
            connection.execute(f"""CREATE TABLE once AS SELECT {columns} FROM (
                SELECT *, ROW_NUMBER() OVER (PARTITION BY transaction_id ORDER BY event_time) AS arrival FROM there)
                WHERE arrival = 1""")
            connection.execute(
                "CREATE TABLE wanted AS SELECT * FROM once WHERE transaction_id = ?", [decision.transaction_id]
            )
            found: pa.Table = connection.sql(f"SELECT {columns} FROM once AS r WHERE {same}").to_arrow_table()
        return found if decision.transaction_id in found["transaction_id"].to_pylist() else found.slice(0, 0)

    def _not_archived(self) -> pa.Table:
        """What the topic holds, archived or not."""
        if not self.topic:
            return TRANSACTIONS.empty_table()
        try:
            records = read_records(self.application.brokers, TOPIC)
        except KafkaException:
            return TRANSACTIONS.empty_table()
        return pa.Table.from_pylist(list(_rows(records)), TRANSACTIONS)

    def nightly(self, cut_ms: int, cards: Iterable[str]) -> Nightly:
        """The nightly features of some cards as of a cut, from the sums that the nights left.

        Raises:
            GoneError: the sums cannot tell that cut any more, or not yet.
        """
        day = day_of(cut_ms)
        if cut_ms % MS_PER_DAY:
            raise GoneError(f"no night ends at {cut_ms} ms since 1970: a cut is 00:00 UTC of a day")
        cut_day = cut_ms // MS_PER_DAY
        of_cards = ", ".join(f"'{card}'" for card in cards if re.fullmatch("[0-9a-f]{32}", card)) or "''"
        with open_engine("duckdb") as sums:
            for table, key in daily_tables().items():
                keys = self.application.keys("CuratedBucket", f"daily/{table}/")
                files = {path.stem: path for path in self.download("CuratedBucket", keys)}
                typed = sums_columns(key)
                kept = _known(day, cut_day, table, files, sums)
                sums.read(f"all_{table}", kept, typed)
                sums.table(table, f"SELECT {', '.join(typed)} FROM all_{table} WHERE cc_num IN ({of_cards})")
            known = dict(snapshot(sums, cut_day))
            for table, key in daily_tables().items():
                sums.table(table, f"SELECT {', '.join(sums_columns(key))} FROM all_{table}")
            return Nightly(known, {**population(sums, cut_day), **self._shares(cut_day)})

    def _shares(self, cut_day: int) -> Population:
        """What the declared risks were as of a cut, of the days of the archive that say it."""
        if not CATALOGUE.risks:
            return {}
        read = parts(cut_day, CATALOGUE)
        days = {f"{part.name}/{day}" for part in read for day in part.folders}
        listed = [
            self.application.keys("ArchiveBucket", f"{part.name}/{month}") for part in read for month in part.months
        ]
        self.download("ArchiveBucket", [key for keys in listed for key in keys if key.rpartition("/")[0] in days])
        archive, decisions, labels = (self.folder / "ArchiveBucket" / part.name for part in read)
        with open_engine("duckdb") as engine:
            tell(engine, archive, decisions, labels, cut_day, CATALOGUE)
            sum_up(engine, cut_day, CATALOGUE)
            return population_shares(engine, cut_day, CATALOGUE)

    def model(self, version: str) -> Model:
        """The model of a version, by the registry.

        Raises:
            GoneError: the registry, or its archive, does not have it any more.
        """
        if version not in self._models:
            folder = self.model_folder(version)
            self._models[version] = Model(ModelScorer(folder), ModelScorer(folder, exact=False))
        return self._models[version]

    def model_folder(self, version: str) -> Path:
        """The folder of the model of a version; raises as `model` does."""
        for number, url in self._registered(version):
            place = urlsplit(url)
            folder = self.folder / "models" / number
            try:
                if not folder.exists():
                    body = self.application.client("s3").get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))[
                        "Body"
                    ]
                    extract(body.read(), folder)
                manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            except (ClientError, tarfile.TarError, OSError, ValueError):
                continue  # it was deleted, or is none of ours
            if version in (manifest.get("model_version"), number):
                return folder
        raise GoneError(f"model {version} is not in the model registry, or its archive was deleted")

    def _registered(self, version: str) -> Iterator[tuple[str, str]]:
        """(number, as v7; URL of the archive) of the models that may be of a version, the newest first."""
        client = self.application.client("sagemaker")
        pages = client.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=self.application.outputs["ModelRegistry"],
            SortBy="CreationTime",
            SortOrder="Descending",
        )
        for package in (package for page in pages for package in page["ModelPackageSummaryList"]):
            found = client.describe_model_package(ModelPackageName=package["ModelPackageArn"])
            number = f"v{package['ModelPackageVersion']}"
            said = found.get("CustomerMetadataProperties", {}).get("model_version", version)
            if version in (said, number):
                (container,) = found["InferenceSpecification"]["Containers"]
                yield number, container["ModelDataUrl"]

    def decision_days(self) -> list[str]:
        """The days that the archive has decisions of, the newest first."""
        keys = self.application.keys("ArchiveBucket", "decisions/")
        return sorted({key.split("/")[1].removeprefix("day=") for key in keys}, reverse=True)

    def decision(self, transaction_id: str, report: Any = lambda *_: None) -> Decision | None:
        """An archived decision; None if there is none."""
        for day in self.decision_days():
            keys = self.application.keys("ArchiveBucket", f"decisions/day={day}/")
            files = self.download("ArchiveBucket", keys, report)
            with engine() as connection:
                read = f"read_parquet({sql_paths(files)}, union_by_name=true, hive_partitioning=false)"
                found = connection.sql(f"SELECT * FROM {read} WHERE transaction_id = ?", params=[transaction_id])
                table: pa.Table = found.to_arrow_table()
            rows = table.to_pylist()
            if rows:
                return archived_decision(rows[0])
        return None


def archived_decision(row: dict[str, Any]) -> Decision:
    """A row of the archive as the decision that it was; the time that the producer states is with the transaction."""
    said = {name: value for name, value in row.items() if value is not None}
    for name in ("trans_time", "decided_at", "nightly_cut"):
        if name in said:
            said[name] = round(said[name].timestamp() * 1000)
    return Decision.from_json(
        json.dumps(
            {**said, "features": json.loads(said["features"]), "reasons": json.loads(said.get("reasons") or "[]")}
        )
    )


def _rows(records: Iterable[tuple[int, bytes]]) -> Iterator[dict[str, Any]]:
    for stamped, value in records:
        if not is_heartbeat(value):
            try:
                yield transaction_row(parse_transaction(value), moment(stamped))
            except InvalidTransactionError:
                continue  # it is in the quarantine


def _known(day: str, cut_day: int, table: str, files: dict[str, Path], sums: Any) -> list[Path]:
    """Of a table's files of sums, those before a cut.

    Raises:
        GoneError: a day within the longest window is folded into the history, or was not summed up.
    """
    history = [files["history"]] if "history" in files else []
    sums.read("history", history, {"day": "BIGINT"})
    (row,) = sums.rows("SELECT MAX(day) AS day FROM history")
    through = -(10**6) if row["day"] is None else int(row["day"])
    apart = {int(name): path for name, path in files.items() if _A_DAY.fullmatch(name) and int(name) > through}
    if cut_day - LONGEST_DAYS <= through:
        first = day_of((through + LONGEST_DAYS + 1) * MS_PER_DAY)
        raise GoneError(
            f"the nightly sums of {table} as of {day} are folded into the history; what is kept reaches back to {first}"
        )
    if cut_day - 1 not in apart:
        raise GoneError(f"no night has summed up the day before {day} in {table}")
    return [*history, *(path for number, path in apart.items() if number < cut_day)]
