-- One row a second, which sliding windows turn into an even beat: `datagen` at a higher rate emits one burst a second.
CREATE TABLE ticks (
  tick INT,
  arrived AS PROCTIME()
) WITH ('connector' = 'datagen', 'rows-per-second' = '1')
