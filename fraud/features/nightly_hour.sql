-- How often a card was used at an hour of the day before the day began, for each row of {daily} (one a card, hour and day: n).
SELECT cc_num, hour, day, CAST(COALESCE(SUM(n) OVER history, 0) AS BIGINT) AS num_trans_hour_all
FROM {daily}
WINDOW history AS (PARTITION BY cc_num, hour ORDER BY day RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
