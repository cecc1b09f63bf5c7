"""What the program sets of Flink itself.

From Flink 2.2 on, Managed Service for Apache Flink refuses to start a program that sets what its page *Programmatic Flink
configuration properties* does not list.
"""

from __future__ import annotations

from flink_src.properties import JobProperties

NAME = "stream-features"
"""Of the job."""


def configuration(properties: JobProperties) -> dict[str, str]:
    """The settings, by Flink's own names."""
    return {
        "pipeline.name": NAME,
        "pipeline.object-reuse": "true",
        # each is a moment that a transaction may wait, and costs something whether anything came or not
        "pipeline.auto-watermark-interval": f"{max(2, properties.heartbeat_interval_ms // 20)} ms",
        "table.local-time-zone": "UTC",
        # by name, not by place in the graph, which changes with the parallelism: else a snapshot does not fit after scaling
        "table.exec.uid.generation": "ALWAYS",
        "table.exec.state.ttl": properties.state_ttl,
    }
