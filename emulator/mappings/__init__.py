"""Event source mappings of Kafka topics and of table streams: who reads, what a batch is, and what becomes of one that fails."""
