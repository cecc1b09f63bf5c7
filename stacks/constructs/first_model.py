"""The endpoint's first model: it answers, knows nothing, and stays what it was when the endpoint was made."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from stacks.asset_cache import ROOT
from stacks.assets import tarball
from stacks.constructs.functions import Functions
from stacks.constructs.permissions import allow
from stacks.constructs.storage import Store
from stacks.settings import Settings

PROGRAM = "code/inference.py"
"""Where a model's archive holds the program that serves it."""
_KEY = "first/model.tar.gz"
_SERVING = ROOT / "sagemaker_src" / "serving"


class FirstModel(Construct):
    """A function copies the archive into the bucket of models once, and the endpoint is given the copy's place.

    The place is the same for every release. So the endpoint is left alone by a release whose archive is another one, and goes on
    with the model that training has put behind it.

    Attributes:
        url: of the archive.
        arn: the same as permissions name it.
        copied: once this is made, the archive is there.
    """

    def __init__(self, scope: Construct, name: str, settings: Settings, *, key: kms.IKey, models: Store) -> None:
        super().__init__(scope, name)
        self.url, self.arn = models.uri(_KEY), f"{models.arn}/{_KEY}"
        files = {file: _SERVING / "bootstrap" / file for file in ("model.ubj", "manifest.json")}
        packed = tarball("bootstrap", {**files, PROGRAM: _SERVING / "inference.py"})
        asset = s3_assets.Asset(self, "Archive", path=str(packed))
        copying = Functions(self, "Functions", settings, key).function(
            "first_model",
            says="puts the endpoint's first model where it stays",
            environment={},
            timeout_s=60,
            memory_mb=256,
        )
        allow(copying.role, ["s3:GetObject"], [asset.bucket.arn_for_objects(asset.s3_object_key)])
        allow(copying.role, ["s3:PutObject"], [self.arn])
        self.copied = cdk.CustomResource(
            self,
            "Copied",
            service_token=copying.function.function_arn,
            resource_type="Custom::FirstModel",
            properties={
                "From": {"Bucket": asset.s3_bucket_name, "Key": asset.s3_object_key},
                "To": {"Bucket": models.name, "Key": _KEY},
            },
        )
        self.copied.node.add_dependency(copying.role)
