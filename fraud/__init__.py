"""The domain of card fraud: what a transaction is, what its features are, how a score becomes a decision.

Pure Python, no I/O: every run-time (Lambda, Spark, Flink, SageMaker, the local run) ships this package and adds the doors.
"""
