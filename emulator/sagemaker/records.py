"""What SageMaker's control plane remembers: named things with what they were made from."""

from __future__ import annotations

import threading
from typing import Any

from emulator.account import arn
from emulator.clock import now
from emulator.errors import ServiceError


def named(kind: str, name: str) -> str:
    """The ARN of something of a kind, as `endpoint-config`, by its name or by that ARN."""
    return name if name.startswith("arn:") else arn("sagemaker", f"{kind}/{name}")


class Records:
    """Things of one kind, by name.

    Args:
        kind: as it stands in an ARN, as `endpoint-config`.
        prefix: of its members in the model, as `EndpointConfig`.
    """

    def __init__(self, kind: str, prefix: str) -> None:
        self._kind, self._prefix = kind, prefix
        self._records: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def add(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        """Remembers one; its record holds what it was made from, its ARN and its time.

        Raises:
            ServiceError: there is one of the name.
        """
        record = {
            **{key: value for key, value in given.items() if value is not None},
            f"{self._prefix}Arn": self.arn(name),
            "CreationTime": now(),
            "LastModifiedTime": now(),
        }
        with self._lock:
            if name in self._records:
                raise ServiceError("ResourceInUse", f"{self._kind} {name} exists already: {self.arn(name)}")
            self._records[name] = record
        return record

    def get(self, name: str) -> dict[str, Any]:
        """The record of a name or an ARN.

        Raises:
            ServiceError: there is none.
        """
        record = self._records.get(name.rsplit(f"{self._kind}/", 1)[-1])
        if record is None:
            raise ServiceError("ValidationException", f'Could not find {self._kind} "{self.arn(name)}".')
        return record

    def remove(self, name: str) -> None:
        """Forgets one; raises ServiceError if there is none."""
        self.get(name)
        with self._lock:
            del self._records[name.rsplit(f"{self._kind}/", 1)[-1]]

    def all(self) -> list[dict[str, Any]]:
        """Every record, the newest first."""
        with self._lock:
            return sorted(self._records.values(), key=lambda record: record["CreationTime"], reverse=True)

    def arn(self, name: str) -> str:
        """The ARN of one."""
        return named(self._kind, name)
