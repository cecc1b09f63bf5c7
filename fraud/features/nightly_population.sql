-- What all cards spent in a category before the day began, for each row of {daily} (one a category and day: n, cents).
SELECT category, day,
  CAST(SUM(cents) OVER month AS DOUBLE) / CAST(SUM(n) OVER month AS DOUBLE) / 100 AS avg_amt_population_30d
FROM {daily}
WINDOW month AS (PARTITION BY category ORDER BY day RANGE BETWEEN 30 PRECEDING AND 1 PRECEDING)
