-- The valid transactions, as columns: exactly those that fraud.transaction.parse_transaction accepts. Heartbeats
-- and whatever else is invalid are skipped.
-- First the form of the whole message. Then one look for the required fields gives `key": value` of each, and sorted by key each
-- has its place: all there, each once. (In a valid flat object, quote-key-quote-colon cannot stand inside a text.) A second look
-- gives those of the fields that may be missing; joined by a character that JSON holds nowhere, they show whether each is there once
-- at most.
-- What no window looks back by stays in `pairs` and `optional` until the end.
SELECT
  SPLIT_INDEX(pairs[8], '"', 2) AS transaction_id,
  SPLIT_INDEX(pairs[3], '"', 2) AS cc_num,
  CAST(CAST(REGEXP_SUBSTR(pairs[1], '[0-9.]++') AS DECIMAL(8, 2)) * 100 AS BIGINT) AS amount_cents,
  {key_columns}pairs,
  optional,
  event_time,
  EXTRACT(EPOCH FROM event_time) * 1000 + EXTRACT(MILLISECOND FROM event_time) AS event_ms,
  arrived
FROM transactions
-- The detour over UNNEST keeps Flink from looking anew for each column.
CROSS JOIN UNNEST(ARRAY[ARRAY_SORT(REGEXP_EXTRACT_ALL(message, '"((?:{fields})"\s*+:\s*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"|[^,}\s]++))', 1))])
  AS found (pairs)
CROSS JOIN UNNEST(ARRAY[ARRAY_SORT(REGEXP_EXTRACT_ALL(message, '"((?:{optional_fields})"\s*+:\s*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"|[^,}\s]++))', 1))])
  AS found_besides (optional)
WHERE CHAR_LENGTH(message) <= {max_characters}
  AND REGEXP(message, '\A{wire_form}\z')
  AND CARDINALITY(pairs) = 8
  AND STARTSWITH(pairs[1], 'amount"')
  AND STARTSWITH(pairs[2], 'category"')
  AND STARTSWITH(pairs[3], 'cc_num"')
  AND STARTSWITH(pairs[4], 'event_time"')
  AND STARTSWITH(pairs[5], 'merch_lat"')
  AND STARTSWITH(pairs[6], 'merch_long"')
  AND STARTSWITH(pairs[7], 'merchant"')
  AND STARTSWITH(pairs[8], 'transaction_id"')
  AND NOT HOLDS_CARD_NUMBER(pairs[2], pairs[3], pairs[7], pairs[8])
  AND (CARDINALITY(optional) = 0
    OR (REGEXP(ARRAY_JOIN(optional, CHR(1)), '\A{each_once}\z') AND NOT HOLDS_CARD_NUMBER({optional_members})))
