-- One empty record to each partition every {interval_ms} ms: as many rows as partitions, and a sink subtask for each partition.
INSERT INTO heartbeats
SELECT CAST(NULL AS STRING)
FROM (
  SELECT COUNT(*) AS beats
  FROM TABLE(HOP(TABLE ticks, DESCRIPTOR(arrived), INTERVAL '{interval_s}' SECOND, INTERVAL '2' SECOND))
  GROUP BY window_start, window_end
) AS beat
CROSS JOIN UNNEST(ARRAY[{partitions}]) AS each_partition (partition_number)
