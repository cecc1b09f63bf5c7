"""All features of a file of transactions, on Spark: the same SQL, the same options and the same numbers as on DuckDB. By hand:

spark-submit glue_scripts/batch_features.py --transactions curated.parquet --out features.parquet
"""

from __future__ import annotations

import argparse
import sys

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from fraud.features.catalogue import CATALOGUE, Catalogue, names, with_risks
from fraud.features.sql import CLOCK_COLUMNS, batch_steps
from fraud.row_counts import same_count


def compute(spark: SparkSession, transactions: DataFrame, catalogue: Catalogue = CATALOGUE) -> DataFrame:
    """The features of a catalogue, the product's by default.

    Args:
        spark: the session.
        transactions: transaction_id, cc_num, category, amount_cents, event_time (UTC), maybe is_fraud and the catalogue's
            `key_columns`; for risks also `known_at` (UTC); without labels, they are missing.
        catalogue: the declarations.
    """
    # Spark's comparisons of session-zoned timestamps are UTC only because the session is; so is its arithmetic on days.
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    label = "is_fraud, " if "is_fraud" in transactions.columns else ""
    own = f"transaction_id, cc_num, {label}category, amount_cents, event_time"
    # of the file's columns these alone, so that none can be taken for one of ours
    keys = [
        f.col(name) if name in transactions.columns else f.lit(None).cast("string").alias(name)
        for name in catalogue.key_columns
    ]
    if catalogue.risks:
        known_at = f.col("known_at") if "known_at" in transactions.columns else f.lit(None)
        keys.append(f.unix_millis(known_at.cast("timestamp")).alias("known_ms"))
        if not label:
            keys.append(f.lit(None).cast("int").alias("is_fraud"))
    transactions.select(*own.split(", "), *keys).createOrReplaceTempView("curated")
    of_risks = ["known_ms", *([] if label else ["is_fraud"])] if catalogue.risks else []
    with_keys = ", ".join((own, *catalogue.key_columns, *of_risks))
    spark.sql(f"""SELECT {with_keys}, {CLOCK_COLUMNS} FROM (
        SELECT *, unix_millis(CAST(event_time AS TIMESTAMP)) AS event_ms FROM curated)""").createOrReplaceTempView(
        "transactions"
    )
    for name, select in batch_steps(catalogue):
        spark.sql(select).createOrReplaceTempView(name)
    columns = ", ".join(names(catalogue.batch_features))
    return spark.sql(f"SELECT transaction_id, cc_num, {label}category, amount_cents, event_ms, {columns} FROM features")


def main() -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="All features of a file of transactions, on Spark.")
    parser.add_argument(
        "--transactions",
        required=True,
        help="Parquet: transaction_id, cc_num (token), category, amount_cents, "
        "event_time (UTC), maybe is_fraud; each transaction once",
    )
    parser.add_argument("--out", required=True, help="Parquet folder to write")
    parser.add_argument(
        "--label-delay-days",
        type=float,
        help="also the risk by merchant, terminal and category: a label is known so long after its transaction, unless a column "
        "known_at (UTC) says when",
    )
    options = parser.parse_args()
    delay = options.label_delay_days
    catalogue = CATALOGUE if delay is None else with_risks(delay)
    spark = SparkSession.builder.appName("batch-features").getOrCreate()
    try:
        # a folder named day=... is no column, and a file of before a field was declared has none for it
        read = spark.read.option("recursiveFileLookup", "true").option("mergeSchema", "true")
        transactions = read.parquet(options.transactions)
        compute(spark, transactions, catalogue).write.mode("overwrite").parquet(options.out)
        same_count("joining the features", transactions.count(), spark.read.parquet(options.out).count())
    finally:
        spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
