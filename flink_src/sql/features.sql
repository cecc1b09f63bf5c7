-- The topic `features`: the transaction and its features. A record's timestamp is the transaction's own, `trans_time`.
CREATE TABLE features (
  transaction_id STRING,
  cc_num STRING,
  amount_cents BIGINT,
  trans_time BIGINT,
  event_time STRING,
  merchant STRING,
  category STRING,
  merch_lat DOUBLE,
  merch_long DOUBLE,
  {field_columns}{feature_columns},
  record_time TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'
) WITH ({options})
