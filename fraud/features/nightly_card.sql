-- What a card did before the day began, for each of its days in {daily} (one row a card and day: n, cents, max_cents).
-- `day` counts days since 1970 in UTC, so "1 PRECEDING" is the nightly cut: nothing of the day itself is seen.
SELECT cc_num, day,
  CAST(COALESCE(SUM(n) OVER week, 0) AS BIGINT) AS num_trans_last_1w,
  CAST(SUM(cents) OVER week AS DOUBLE) / CAST(SUM(n) OVER week AS DOUBLE) / 100 AS avg_amt_last_1w,
  CAST(COALESCE(SUM(n) OVER month, 0) AS BIGINT) AS num_trans_last_30d,
  CAST(SUM(cents) OVER month AS DOUBLE) / CAST(SUM(n) OVER month AS DOUBLE) / 100 AS avg_amt_last_30d,
  CAST(MAX(max_cents) OVER month AS DOUBLE) / 100 AS max_amt_last_30d,
  CAST(COALESCE(SUM(n) OVER history, 0) AS BIGINT) AS num_trans_all,
  CAST(SUM(cents) OVER history AS DOUBLE) / CAST(SUM(n) OVER history AS DOUBLE) / 100 AS avg_amt_all
FROM {daily}
WINDOW week AS (PARTITION BY cc_num ORDER BY day RANGE BETWEEN 7 PRECEDING AND 1 PRECEDING),
  month AS (PARTITION BY cc_num ORDER BY day RANGE BETWEEN 30 PRECEDING AND 1 PRECEDING),
  history AS (PARTITION BY cc_num ORDER BY day RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
