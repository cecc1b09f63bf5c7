-- The fields that only pass through are taken apart here, at the end: a row is copied at every step before, and costs by its fields.
INSERT INTO features
SELECT transaction_id, cc_num, amount_cents, event_ms,
  SPLIT_INDEX(pairs[4], '"', 2),
  CASE WHEN POSITION('\' IN pairs[7]) > 0 THEN JSON_UNQUOTE(REGEXP_SUBSTR(pairs[7], '"(?:[^"\\]|\\.)*+"$'))
    ELSE SPLIT_INDEX(pairs[7], '"', 2) END,
  CASE WHEN POSITION('\' IN pairs[2]) > 0 THEN JSON_UNQUOTE(REGEXP_SUBSTR(pairs[2], '"(?:[^"\\]|\\.)*+"$'))
    ELSE SPLIT_INDEX(pairs[2], '"', 2) END,
  CAST(REGEXP_SUBSTR(pairs[5], '[-+0-9.eE]++$') AS DOUBLE),
  CAST(REGEXP_SUBSTR(pairs[6], '[-+0-9.eE]++$') AS DOUBLE),
  {field_values}{feature_names}, event_time
FROM ({source}) AS computed
