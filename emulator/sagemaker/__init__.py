"""SageMaker on this machine: its control plane, jobs as processes, endpoints as serving processes, Feature Store on SQLite."""
