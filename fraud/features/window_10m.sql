-- What the card did in the last 10 minutes, the transaction itself included. The same text runs in Flink, Spark and DuckDB.
-- Sums are of whole numbers, so no engine can round differently; rows of the same millisecond see one another.
SELECT *,
  COUNT(*) OVER w AS num_trans_last_10m,
  CAST(SUM(amount_cents) OVER w AS DOUBLE) / CAST(COUNT(*) OVER w AS DOUBLE) / 100 AS avg_amt_last_10m
FROM ({source}) AS source_10m
WINDOW w AS (PARTITION BY cc_num ORDER BY event_time RANGE BETWEEN INTERVAL '10' MINUTE PRECEDING AND CURRENT ROW)
