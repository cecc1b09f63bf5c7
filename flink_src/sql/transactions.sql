-- The topic `transactions`, each message as text. The clock is the record's timestamp: the broker's in live topics, the data's own
-- in replays. The watermark stays one millisecond behind it, for a batch of records shares one time and may be read in two parts.
CREATE TABLE transactions (
  message STRING,
  event_time TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
  arrived AS PROCTIME(),
  WATERMARK FOR event_time AS event_time - INTERVAL '0.001' SECOND
) WITH ({options})
