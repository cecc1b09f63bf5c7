-- The transactions that keep the contract, as columns: exactly those that fraud.transaction.parse_transaction accepts. Heartbeats
-- and whatever else breaks the contract are passed over.
-- First the form of the whole message, then that each field is there once. After that a plain look for a key finds the field:
-- in a lawful flat object, quote-name-quote-colon cannot stand inside a text.
SELECT
  REGEXP_EXTRACT_ALL(message, '"transaction_id"\s*:\s*"([^"]*+)"', 1)[1] AS transaction_id,
  REGEXP_EXTRACT_ALL(message, '"cc_num"\s*:\s*"([^"]*+)"', 1)[1] AS cc_num,
  CAST(CAST(REGEXP_EXTRACT_ALL(message, '"amount"\s*:\s*"?+([0-9.]++)', 1)[1] AS DECIMAL(8, 2)) * 100 AS BIGINT) AS amount_cents,
  REGEXP_EXTRACT_ALL(message, '"event_time"\s*:\s*"([^"]*+)"', 1)[1] AS event_time_text,
  JSON_UNQUOTE(REGEXP_EXTRACT_ALL(message, '"merchant"\s*:\s*("(?:[^"\\]|\\.)*+")', 1)[1]) AS merchant,
  JSON_UNQUOTE(REGEXP_EXTRACT_ALL(message, '"category"\s*:\s*("(?:[^"\\]|\\.)*+")', 1)[1]) AS category,
  CAST(REGEXP_EXTRACT_ALL(message, '"merch_lat"\s*:\s*([-+0-9.eE]++)', 1)[1] AS DOUBLE) AS merch_lat,
  CAST(REGEXP_EXTRACT_ALL(message, '"merch_long"\s*:\s*([-+0-9.eE]++)', 1)[1] AS DOUBLE) AS merch_long,
  event_time,
  EXTRACT(EPOCH FROM event_time) * 1000 + EXTRACT(MILLISECOND FROM event_time) AS event_ms,
  arrived
FROM transactions
WHERE CHAR_LENGTH(message) <= {max_characters}
  AND REGEXP(message, '\A{wire_form}\z')
  AND ARRAY_JOIN(ARRAY_SORT(REGEXP_EXTRACT_ALL(message, '"({fields})"\s*:', 1)), '|') = '{sorted_fields}'
