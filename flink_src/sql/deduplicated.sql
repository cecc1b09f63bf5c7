-- Each transaction once: the first to arrive. Producers and brokers deliver again after a failure.
SELECT transaction_id, cc_num, amount_cents, {key_names}pairs, optional, event_time, event_ms
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY transaction_id ORDER BY arrived ASC) AS arrival
  FROM ({source}) AS valid
) AS numbered
WHERE arrival = 1
