-- What the card did in the last hour, the transaction itself included. The same text runs in Flink, Spark and DuckDB.
-- Sums are of whole numbers, so no engine can round differently; rows of the same millisecond see one another.
-- mean_age: how long ago the card's other transactions in the window were, on average, in seconds; missing if there are none.
SELECT *,
  COUNT(*) OVER w AS num_trans_last_1h,
  CAST(SUM(amount_cents) OVER w AS DOUBLE) / CAST(COUNT(*) OVER w AS DOUBLE) / 100 AS avg_amt_last_1h,
  CAST(COUNT(*) OVER w * event_ms - SUM(event_ms) OVER w AS DOUBLE)
    / CAST(NULLIF(COUNT(*) OVER w - 1, 0) AS DOUBLE) / 1000 AS mean_age_last_1h
FROM ({source}) AS source_1h
WINDOW w AS (PARTITION BY cc_num ORDER BY event_time RANGE BETWEEN INTERVAL '1' HOUR PRECEDING AND CURRENT ROW)
