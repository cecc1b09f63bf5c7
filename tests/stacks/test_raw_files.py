"""Files as they are dropped may hold card numbers: the bucket's policy lets two roles read them, and no other."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

from tests.stacks.stacks_under_test import Resource, Templates, listed, referred, resources, statements

ACCOUNT = "123456789012"


def plain(value: Any) -> str:
    """A text of a template, as it is once it is deployed; what refers to a resource as `<id>`."""
    if isinstance(value, str):
        return value
    if "Fn::Join" in value:
        return "".join(plain(part) for part in value["Fn::Join"][1])
    return ACCOUNT if value == {"Ref": "AWS::AccountId"} else f"<{referred(value)}>"


def raw_policy(templates: Templates) -> tuple[str, dict[str, Any]]:
    """The raw bucket's id, and its policy."""
    (found,) = (
        (str(referred(each.properties["Bucket"])), each.properties["PolicyDocument"])
        for each in resources({"Data": templates["Data"]}, "AWS::S3::BucketPolicy")
        if str(referred(each.properties["Bucket"])).startswith("Raw")
    )
    return found


def role_arn(role: Resource, env: str) -> str:
    """As CloudFormation names a role that its template does not name (page *cfn-physical-names*)."""
    assert "RoleName" not in role.properties and "Path" not in role.properties
    name = f"CardFraud-{env}-{role.stack}-{role.id}-ABCDEFGHIJKL"
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def test_dropped_files_are_read_by_the_crawler_and_the_job_alone(templates: Templates) -> None:
    bucket, policy = raw_policy(templates)
    (deny,) = (each for each in statements(policy) if "s3:GetObject" in listed(each["Action"]))
    assert deny["Effect"] == "Deny"
    assert deny["Principal"] in ("*", {"AWS": "*"})
    assert [plain(each) for each in listed(deny["Resource"])] == [f"<{bucket}>/input/*"]
    # no other condition: each would have to hold for the denial
    assert [(key, [*one]) for key, one in deny["Condition"].items()] == [("ArnNotLike", ["aws:PrincipalArn"])]
    patterns = [plain(each) for each in listed(deny["Condition"]["ArnNotLike"]["aws:PrincipalArn"])]

    env = "Prod" if "CardFraud-Prod-" in json.dumps(templates["Batch"]) else "Dev"
    may = {
        role.id
        for role in resources(templates, "AWS::IAM::Role")
        if any(fnmatchcase(role_arn(role, env), pattern) for pattern in patterns)
    }
    batch = {"Batch": templates["Batch"]}
    users = [each.properties["Role"] for each in resources(batch, "AWS::Glue::Crawler", "AWS::Glue::Job")]
    assert len(users) == 2
    assert may == {referred(each) for each in users}
    # and what else may be in the account under another stack's name
    for other in ("role/Admin", f"role/CardFraud-{env}-Batch-Other", f"user/CardFraud-{env}-Batch-FilesCrawlerRole"):
        assert not any(fnmatchcase(f"arn:aws:iam::{ACCOUNT}:{other}", pattern) for pattern in patterns)


def test_no_other_role_is_allowed_to_read_dropped_files(templates: Templates) -> None:
    """The denial is the second lock; nobody else holds a key to the first."""
    holders = set()
    for policy in resources(templates, "AWS::IAM::Policy"):
        for each in statements(policy.properties["PolicyDocument"]):
            reads = {"s3:GetObject", "s3:GetObject*", "s3:*"} & set(listed(each["Action"]))
            if reads and any(
                "RawBucketArn" in (text := json.dumps(one)) and "/input/" in text for one in listed(each["Resource"])
            ):
                holders |= {referred(role) for role in policy.properties["Roles"]}
    batch = {"Batch": templates["Batch"]}
    users = [each.properties["Role"] for each in resources(batch, "AWS::Glue::Crawler", "AWS::Glue::Job")]
    assert holders == {referred(each) for each in users}
