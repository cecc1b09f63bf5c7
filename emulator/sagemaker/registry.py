"""The model registry: groups, and versions of the model in them."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from emulator.errors import ServiceError
from emulator.sagemaker.listing import Listing
from emulator.sagemaker.records import Records

_GROUPS = Listing(
    kind="ModelPackageGroup",
    answer="ModelPackageGroupSummaryList",
    members=("ModelPackageGroupStatus", "ModelPackageGroupDescription"),
    order="Ascending",
)
_PACKAGES = Listing(
    kind="ModelPackage",
    answer="ModelPackageSummaryList",
    members=("ModelPackageGroupName", "ModelPackageVersion", "ModelPackageStatus", "ModelApprovalStatus"),
    order="Ascending",
)


class Registry:
    """The operations on model packages."""

    def __init__(self) -> None:
        self.groups = Records("model-package-group", "ModelPackageGroup")
        self.packages = Records("model-package", "ModelPackage")
        self._versions: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))

    def create_model_package_group(self, **given: Any) -> dict[str, Any]:
        record = self.groups.add(given["ModelPackageGroupName"], given)
        record |= {"ModelPackageGroupStatus": "Completed", "CreatedBy": {}}
        return {"ModelPackageGroupArn": record["ModelPackageGroupArn"]}

    def describe_model_package_group(self, ModelPackageGroupName: str) -> dict[str, Any]:
        return dict(self.groups.get(ModelPackageGroupName))

    def delete_model_package_group(self, ModelPackageGroupName: str) -> None:
        if any(one["ModelPackageGroupName"] == ModelPackageGroupName for one in self.packages.all()):
            raise ServiceError("ConflictException", f"{ModelPackageGroupName} holds model packages")
        self.groups.remove(ModelPackageGroupName)

    def create_model_package(self, **given: Any) -> dict[str, Any]:
        if not given.get("ModelPackageGroupName"):
            raise ServiceError("ValidationException", "only versions in a model package group are implemented here")
        group = self.groups.get(given["ModelPackageGroupName"])["ModelPackageGroupName"]
        version = next(self._versions[group])
        record = self.packages.add(f"{group}/{version}", {**given, "ModelPackageGroupName": group})
        record |= {
            "ModelPackageName": group,
            "ModelPackageVersion": version,
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": []},
            "ModelApprovalStatus": given.get("ModelApprovalStatus", "PendingManualApproval"),
        }
        return {"ModelPackageArn": record["ModelPackageArn"]}

    def describe_model_package(self, ModelPackageName: str, **_: Any) -> dict[str, Any]:
        return dict(self.packages.get(ModelPackageName))

    def update_model_package(self, ModelPackageArn: str, **changes: Any) -> dict[str, Any]:
        record = self.packages.get(ModelPackageArn)
        allowed = ("ModelApprovalStatus", "ApprovalDescription", "CustomerMetadataProperties")
        if unknown := set(changes) - set(allowed):
            raise ServiceError("NotImplementedException", f"{min(unknown)} cannot be updated here", 501)
        record |= changes
        return {"ModelPackageArn": record["ModelPackageArn"]}

    def delete_model_package(self, ModelPackageName: str) -> None:
        self.packages.remove(ModelPackageName)

    def list_model_package_groups(self, **given: Any) -> dict[str, Any]:
        return _GROUPS.page(self.groups.all(), given)

    def list_model_packages(
        self,
        ModelPackageGroupName: str | None = None,
        ModelPackageType: str = "Unversioned",
        ModelApprovalStatus: str | None = None,
        **given: Any,
    ) -> dict[str, Any]:
        group = self.groups.get(ModelPackageGroupName)["ModelPackageGroupName"] if ModelPackageGroupName else None
        # all are versions here; without a group, a list has none unless it is asked for them
        found = self.packages.all() if group or ModelPackageType != "Unversioned" else []
        wanted = [
            one
            for one in found
            if group in (None, one["ModelPackageGroupName"])
            and ModelApprovalStatus in (None, one["ModelApprovalStatus"])
        ]
        return _PACKAGES.page(wanted, given)
