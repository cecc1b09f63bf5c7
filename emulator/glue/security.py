"""Security configurations: with which keys crawlers and jobs encrypt what they write."""

from __future__ import annotations

from typing import Any

from emulator.clock import now
from emulator.glue.records import Records, page


class SecurityConfigurations:
    """The operations on security configurations. There is none that changes one."""

    def __init__(self) -> None:
        self._records = Records("Security configuration")

    def create_security_configuration(self, Name: str, EncryptionConfiguration: dict[str, Any]) -> dict[str, Any]:
        made = {"Name": Name, "CreatedTimeStamp": now(), "EncryptionConfiguration": EncryptionConfiguration}
        self._records.add(Name, made)
        return {"Name": Name, "CreatedTimestamp": made["CreatedTimeStamp"]}

    def get_security_configuration(self, Name: str) -> dict[str, Any]:
        return {"SecurityConfiguration": self._records.get(Name)}

    def get_security_configurations(self, **given: Any) -> dict[str, Any]:
        return page(self._records.all(), "SecurityConfigurations", given)

    def delete_security_configuration(self, Name: str) -> None:
        self._records.remove(Name)

    def named(self, name: str | None) -> dict[str, Any] | None:
        """The one of this name, None for no name; raises ServiceError if there is none of it."""
        return self._records.get(name) if name else None
