-- One empty record to each partition every beat, by a key for each partition: so one producer writes them in one request.
-- A producer for each partition would send, and wake the readers, as many times as there are partitions.
INSERT INTO heartbeats
SELECT partition_key, CAST(NULL AS STRING)
FROM (
  SELECT COUNT(*) AS beats
  FROM TABLE(HOP(TABLE ticks, DESCRIPTOR(arrived), INTERVAL '{interval_s}' SECOND, INTERVAL '2' SECOND))
  GROUP BY window_start, window_end
) AS beat
CROSS JOIN UNNEST(ARRAY[{partition_keys}]) AS each_partition (partition_key)
