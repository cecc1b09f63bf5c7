-- The fields that only pass through are taken apart here, at the end: a row is copied at every step before, and costs by its fields.
INSERT INTO features
SELECT transaction_id, cc_num, amount_cents, event_ms,
  SPLIT_INDEX(pairs[4], '"', 2),
  {merchant},
  {category},
  CAST(REGEXP_SUBSTR(pairs[5], '[-+0-9.eE]++$') AS DOUBLE),
  CAST(REGEXP_SUBSTR(pairs[6], '[-+0-9.eE]++$') AS DOUBLE),
  {field_values}{feature_names}, event_time
FROM ({source}) AS computed
