"""Files of transactions as a model is trained on them and as they are scored: a Glue 5.1 job, or by hand on folders:

    spark-submit glue_scripts/transform.py --input DIR --out DIR --token-key FILE

Reads CSV, JSON lines and Parquet, packed or not, by a mapping (docs/your-files.md); makes card numbers tokens; leaves out what
identifies the holder; splits by time. A set is named after its inputs and settings, and its files are always the same:

    glue_transformed/train/SET.parquet, glue_transformed/batch_predict/SET.parquet (.csv for Amazon Fraud Detector)
    quarantine/SET.jsonl    the rows that are none, each with its file, its number and the reason
    reports/SET.json        how many rows went where; they add up

Each file appears whole, the data last of all. What was read whole is then removed, unless --keep-raw says true. A file that
cannot be read whole stays, and the run ends with an error that names it, after all else is done.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as f

from fraud.detector import ENTITY_TYPE, EVENT_ID_FORM, PREDICT_METADATA, REQUIRED, TRAIN_METADATA, VARIABLE_NAMES
from fraud.notation import NotationError, iso_day
from fraud.row_counts import RowCountError, same_count
from glue_scripts.parquet_bytes import rewritten
from glue_scripts.row_frame import LEFT_OUT, REFUSED, ROW, WRONG, counted, row_frame
from glue_scripts.stores import Store, StoredFile, store
from reading.errors import BadInputError
from reading.judged_rows import KEPT
from reading.transactions import Reading, checked_reading

BACK_ENDS = {"sagemaker": "parquet", "fraud-detector": "csv"}
"""{back end: what its files are}."""
NO_DAY = "none"
"""In place of a day: Glue takes no argument without a value."""
VERSION = 1
"""Of what the files hold: another one gives sets other names."""
TRAIN, PREDICT = "train", "batch_predict"
COLUMNS = (
    "transaction_id", "cc_num", "merchant", "category", "amount_cents", "event_time", "merch_lat", "merch_long",
    *(field.name for field in KEPT),
)  # fmt: skip


_SHOWN, _SHOWN_CHARACTERS = 5, 300
"""Files that an error names at most, and how much it says of each: Glue shows it as the run's message."""


class RefusedFilesError(Exception):
    """Files cannot be read whole; what the others hold is written."""


class Settings(NamedTuple):
    """What a set's name stands for, beside its inputs.

    Attributes:
        back_end: of BACK_ENDS.
        train_until: labelled rows before this day (UTC) are trained on.
        predict_from: rows from this day on are scored. Without both, what has a label is trained on and what has none is scored.
        columns: the mapping's text.
    """

    back_end: str
    train_until: date | None
    predict_from: date | None
    columns: str

    @property
    def split(self) -> bool:
        """Whether rows are split by time."""
        return self.train_until is not None and self.predict_from is not None


def set_name(files: Sequence[StoredFile], settings: Settings) -> str:
    """16 hex digits of what the set is made from."""
    told = {**settings._asdict(), "version": VERSION, "files": sorted(files)}
    return hashlib.sha256(json.dumps(told, default=str, sort_keys=True).encode()).hexdigest()[:16]


def split(rows: DataFrame, settings: Settings) -> DataFrame:
    """The transactions with `goes`: TRAIN, PREDICT, or why a row is left out."""
    labelled = f.col("is_fraud").isNotNull()
    if not settings.split:
        return rows.withColumn("goes", f.when(labelled, TRAIN).otherwise(PREDICT))
    until, since = (_midnight_ms(day) for day in (settings.train_until, settings.predict_from))
    early = f.col("event_ms") < until
    return rows.withColumn(
        "goes",
        f.when(f.col("event_ms") >= since, PREDICT)
        .when(early & labelled, TRAIN)
        .when(early, "before the split, without a label")
        .otherwise("between the splits"),
    )


def _midnight_ms(day: date | None) -> int:
    return 0 if day is None else int(datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp()) * 1000


def _first_of_each(rows: DataFrame) -> DataFrame:
    """Transactions, those that stand before in the files' order under the same id made WRONG."""
    order = Window.partitionBy("transaction_id").orderBy("file", "row")
    place = f.row_number().over(order)
    first = f.concat_ws(" row ", f.first("file").over(order), f.first("row").over(order).cast("string"))
    reason = f.concat(f.lit("transaction_id: stands in "), first, f.lit(" already; allowed: each transaction once"))
    again = f.col("place") > 1
    return (
        rows.withColumn("place", place)
        .withColumn("reason", f.when(again, reason))
        .withColumn("what", f.when(again, f.lit("transaction_id")))
        .withColumn("kind", f.when(again, f.lit(WRONG)).otherwise(f.lit(ROW)))
        .withColumn("shown", f.when(again, f.to_json(f.struct("transaction_id", "merchant", "category"))))
        .drop("place")
    )


def _for_sagemaker(rows: DataFrame, goes: str) -> DataFrame:
    label = ["is_fraud"] if goes == TRAIN else []
    return rows.withColumn("event_time", f.timestamp_millis("event_ms")).select(*COLUMNS, *label)


def _for_detector(rows: DataFrame, goes: str) -> DataFrame:
    there = rows.agg(*(f.count(name).alias(name) for name in VARIABLE_NAMES if name not in REQUIRED)).first()
    empty = {name for name, count in (there.asDict() if there else {}).items() if not count}
    moment = f.date_format(f.timestamp_millis("event_ms"), "yyyy-MM-dd'T'HH:mm:ss'Z'")
    own = {
        "amount": f.col("amount_cents").cast("decimal(12,0)") / 100,
        "EVENT_TIMESTAMP": moment,
        "EVENT_LABEL": f.when(f.col("is_fraud") == 1, "fraud").otherwise("legit"),
        "ENTITY_TYPE": f.lit(ENTITY_TYPE),
        "ENTITY_ID": f.col("cc_num"),
        # as `fraud.detector.event_id` has it
        "EVENT_ID": f.when(f.col("transaction_id").rlike(f"^{EVENT_ID_FORM}$"), f.col("transaction_id")).otherwise(
            f.sha2("transaction_id", 256)
        ),
    }
    own["amount"] = own["amount"].cast("decimal(12,2)")
    names = [name for name in VARIABLE_NAMES if name not in empty]
    metadata = TRAIN_METADATA if goes == TRAIN else PREDICT_METADATA
    return rows.select(*((own[name] if name in own else f.col(name)).alias(name) for name in (*names, *metadata)))


_FOR = {"sagemaker": _for_sagemaker, "fraud-detector": _for_detector}


class Job:
    """One run.

    Args:
        spark: the session, in UTC.
        place: where the inputs are.
        out: where the set is written.
        reading, key: how files are read, and the card-token key.
        settings: of the set.
    """

    def __init__(
        self, spark: SparkSession, place: str, out: Store, reading: Reading, key: bytes, settings: Settings
    ) -> None:
        self._spark, self._place, self._out = spark, place, out
        self._reading, self._key, self._settings = reading, key, settings

    def run(self, files: Sequence[StoredFile]) -> dict[str, Any]:
        """Makes the set of files that are not there yet; gives its report.

        Raises:
            RowCountError: the counts do not add up; nothing is published.
        """
        name = set_name(files, self._settings)
        working = f"_working/{name}/{uuid.uuid4().hex}"
        try:
            return self._made(name, files, working)
        finally:
            self._out.remove_folder(working)

    def _made(self, name: str, files: Sequence[StoredFile], working: str) -> dict[str, Any]:
        read = self._out.uri(f"{working}/read")
        row_frame(self._spark, self._place, files, self._key, self._reading).write.parquet(read)
        frame = self._spark.read.parquet(read)
        judged = _first_of_each(frame.where(f.col("kind") == ROW))
        parts = self._out.uri(f"{working}/split")
        split(judged, self._settings).write.parquet(parts)
        rows = self._spark.read.parquet(parts)
        wrong = frame.where(f.col("kind") == WRONG).unionByName(
            rows.where(f.col("kind") == WRONG), allowMissingColumns=True
        )
        kept = rows.where(f.col("kind") == ROW)
        report = self._report(name, files, frame, wrong, kept)
        made = self._written(working, wrong, kept, report)
        if "quarantine" in made:
            self._out.publish(made["quarantine"], f"quarantine/{name}.jsonl")
        self._out.put(f"reports/{name}.json", (json.dumps(report, indent=2, sort_keys=True) + "\n").encode())
        suffix = BACK_ENDS[self._settings.back_end]
        for goes in (TRAIN, PREDICT):
            if goes in made:
                self._out.publish(made[goes], f"glue_transformed/{goes}/{name}.{suffix}")
        return report

    def _report(
        self, name: str, files: Sequence[StoredFile], frame: DataFrame, wrong: DataFrame, kept: DataFrame
    ) -> dict[str, Any]:
        refused = frame.where(f.col("kind") == REFUSED).select("file", "reason").orderBy("file").collect()
        left_out = counted(frame.where(f.col("kind") == LEFT_OUT).select("what", "count").collect())
        went = {row["goes"]: row["count"] for row in kept.groupBy("goes").count().collect()}
        left_out |= {goes: count for goes, count in sorted(went.items()) if goes not in (TRAIN, PREDICT)}
        quarantined = counted(wrong.groupBy("what").count().collect())
        written = {"train": went.get(TRAIN, 0), "predict": went.get(PREDICT, 0)}
        rows = frame.where(f.col("kind").isin(ROW, WRONG)).count()
        read = rows + sum(counted(frame.where(f.col("kind") == LEFT_OUT).select("what", "count").collect()).values())
        same_count("transforming", read, sum((*written.values(), *left_out.values(), *quarantined.values())))
        settings = self._settings._asdict() | {"columns": hashlib.sha256(self._settings.columns.encode()).hexdigest()}
        return {
            "set": name,
            "read": read,
            "written": written,
            "left_out": left_out,
            "quarantined": quarantined,
            "refused": [{"file": row["file"], "reason": row["reason"]} for row in refused],
            "inputs": [file._asdict() for file in sorted(files)],
            "settings": {key: None if value is None else str(value) for key, value in settings.items()},
        }

    def _written(self, working: str, wrong: DataFrame, kept: DataFrame, report: Mapping[str, Any]) -> dict[str, str]:
        """{what: the working file of it}, of what has rows."""
        made = {}
        if report["quarantined"]:
            folder = f"{working}/quarantine"
            said = f.struct("file", "row", f.col("what").alias("field"), "reason", f.col("shown").alias("fields"))
            lines = wrong.repartition(1).sortWithinPartitions("file", "row").select(f.to_json(said).alias("value"))
            lines.write.text(self._out.uri(folder))
            made["quarantine"] = self._out.only_file(folder)
        for goes, count in ((TRAIN, report["written"]["train"]), (PREDICT, report["written"]["predict"])):
            if count:
                folder = f"{working}/{goes}"
                rows = (
                    kept.where(f.col("goes") == goes).repartition(1).sortWithinPartitions("event_ms", "transaction_id")
                )
                data = _FOR[self._settings.back_end](rows, goes)
                if self._settings.back_end == "sagemaker":
                    data.write.parquet(self._out.uri(folder))
                    made[goes] = f"{working}/{goes}.parquet"
                    self._out.put(made[goes], rewritten(self._out.content(self._out.only_file(folder))))
                else:
                    data.write.csv(self._out.uri(folder), header=True, emptyValue="", escape='"')
                    made[goes] = self._out.only_file(folder)
        return made


def _done(out: Store, name: str, back_end: str) -> dict[str, Any] | None:
    """The report of a set of which everything is there."""
    if not out.exists(f"reports/{name}.json"):
        return None
    report: dict[str, Any] = json.loads(out.content(f"reports/{name}.json"))
    for goes, count in ((TRAIN, report["written"]["train"]), (PREDICT, report["written"]["predict"])):
        if count and not out.exists(f"glue_transformed/{goes}/{name}.{BACK_ENDS[back_end]}"):
            return None
    return report


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Files of transactions, as a model is trained on them and as they are scored."
    )
    parser.add_argument("--input", required=True, help="folder or file, or s3://BUCKET/PREFIX")
    parser.add_argument("--out", required=True, help="folder, or s3://BUCKET")
    parser.add_argument("--back-end", choices=list(BACK_ENDS), default="sagemaker", help="default %(default)s")
    parser.add_argument(
        "--columns", default="kaggle", help="which columns are which fields: a name, or a TOML file (also s3://)"
    )
    parser.add_argument(
        "--train-until",
        default="",
        help="train on labelled rows before this day, as 2020-04-30; empty or none: no split",
    )
    parser.add_argument(
        "--predict-from", default="", help="score the rows from this day on, as 2020-08-30; empty or none: no split"
    )
    key = parser.add_mutually_exclusive_group(required=True)
    key.add_argument("--card-token-key-secret", help="ARN of the secret that card tokens are made with")
    key.add_argument("--token-key", type=Path, help="file of it")
    parser.add_argument(
        "--keep-raw", choices=["true", "false"], default="false", help="whether the inputs stay (default %(default)s)"
    )
    return parser


def _day(option: str, text: str) -> date | None:
    try:
        return None if text in ("", NO_DAY) else iso_day(text)
    except NotationError as error:
        raise BadInputError(f"{option}: {error}") from error


def _token_key(options: argparse.Namespace) -> bytes:
    if options.token_key is not None:
        key: bytes = options.token_key.read_bytes().strip()
    else:
        import boto3  # noqa: PLC0415 - by hand no SDK is needed

        secrets = boto3.client("secretsmanager")
        key = secrets.get_secret_value(SecretId=options.card_token_key_secret)["SecretString"].encode()
    if len(key) < 16:
        raise BadInputError(f"the card-token key has {len(key)} bytes; at least 16 are needed")
    return key


def _reading(columns: str) -> Reading:
    if not columns.startswith("s3://"):
        return checked_reading(None, None, columns)
    import boto3  # noqa: PLC0415 - as above

    bucket, _, key = columns.removeprefix("s3://").partition("/")
    local = Path("/tmp") / Path(key).name  # noqa: S108 - a job's machine is its own
    local.write_bytes(boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    return checked_reading(None, None, str(local))


def run(options: argparse.Namespace) -> None:
    """Does the job.

    Raises:
        BadInputError: an option is wrong.
        RowCountError: the rows do not add up.
        RefusedFilesError: files were refused, maybe all; the others' rows are written.
    """
    until, since = _day("--train-until", options.train_until), _day("--predict-from", options.predict_from)
    if until and since and since < until:
        raise BadInputError(f"--predict-from: {since} is before --train-until, {until}; allowed: that day, or later")
    reading = _reading(options.columns)
    settings = Settings(options.back_end, until, since, reading.mapping.text)
    source, out, key = store(options.input), store(options.out), _token_key(options)
    files = source.files()
    if not files:
        raise BadInputError(f"--input: {options.input} holds no file; nothing is read")
    name = set_name(files, settings)
    report = _done(out, name, options.back_end)
    if report is None:
        spark = SparkSession.builder.appName("transform").getOrCreate()
        try:
            spark.conf.set("spark.sql.session.timeZone", "UTC")
            spark.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
            report = Job(spark, options.input, out, reading, key, settings).run(files)
        finally:
            spark.stop()
    print(json.dumps({each: report[each] for each in ("set", "read", "written", "left_out", "quarantined", "refused")}))
    refused = {each["file"] for each in report["refused"]}
    if options.keep_raw == "false":
        for file in files:
            if file.name not in refused:
                source.remove(file)
    if refused:
        why = "; ".join(_shown(each["reason"]) for each in report["refused"][:_SHOWN])
        what = "nothing is written" if len(refused) == len(files) else "the rows of the others are written"
        raise RefusedFilesError(
            f"{len(refused):,} of {len(files):,} files refused, {what}: {why}; see reports/{name}.json"
        )


def _shown(reason: str) -> str:
    """On one line."""
    return " ".join(reason.split())[:_SHOWN_CHARACTERS]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status. Glue passes arguments of its own besides."""
    options, _ = _parser().parse_known_args(arguments)
    try:
        run(options)
    except (BadInputError, RowCountError, RefusedFilesError) as error:
        if "--JOB_RUN_ID" in (sys.argv if arguments is None else arguments):
            raise  # of a script that ends with a status, Glue says no more than that (page *API_JobRun*, ErrorMessage)
        print(f"transform: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
