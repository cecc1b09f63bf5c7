-- What a card did in a category before the day began, for each row of {daily} (one a card, category and day: n, cents).
SELECT cc_num, category, day,
  CAST(COALESCE(SUM(n) OVER history, 0) AS BIGINT) AS num_trans_category_all,
  CAST(SUM(cents) OVER history AS DOUBLE) / CAST(SUM(n) OVER history AS DOUBLE) / 100 AS avg_amt_category_all
FROM {daily}
WINDOW history AS (PARTITION BY cc_num, category ORDER BY day RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
