INSERT INTO features
SELECT transaction_id, cc_num, amount_cents, event_ms, event_time_text, merchant, category, merch_lat, merch_long,
  {feature_names}, event_time
FROM ({source}) AS computed
