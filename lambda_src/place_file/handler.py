"""Puts a file of a release where a service takes it from by a name that says something, which those of assets do not.

Properties: `From` and `To`, each {"Bucket": NAME, "Key": KEY}. Another content has another key, so nothing is overwritten. The
copy goes with the bucket.
"""

from __future__ import annotations

from lambda_src.custom_resource import Request, custom_resource
from lambda_src.place_file.environment import Environment
from lambda_src.ports.clients import client
from lambda_src.telemetry import LambdaContext

environment = Environment.read()
s3 = client("s3", timeout_s=30)


@custom_resource("placed-file")
def handler(request: Request, _: LambdaContext) -> dict[str, str]:
    """Processes a request of CloudFormation."""
    if request["RequestType"] != "Delete":
        properties = request["ResourceProperties"]
        s3.copy_object(CopySource=properties["From"], **properties["To"])
    return {}
