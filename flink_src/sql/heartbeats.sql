-- A second way into the topic `transactions`: empty records, which move the watermark when no card does.
CREATE TABLE heartbeats (
  partition_key STRING,
  transaction_id STRING
) WITH ({options})
