"""The function `champion`: the registry's models, what their archives say that they take, and what serves."""

from __future__ import annotations

import io
import json
import tarfile

import pytest
from botocore.exceptions import ClientError

from fraud.model_input import ModelInput
from fraud.vector import CATEGORY_FEATURES, FEATURE_NAMES
from samples.lambda_context import CONTEXT
from samples.stand_ins import answer

FEW, ALL, MORE = FEATURE_NAMES[:5], FEATURE_NAMES, (*FEATURE_NAMES, "shoe_size")
TAKES = "takes features that this release does not compute: shoe_size"


def says(takes):
    """The manifest of a model of these features."""
    text = {name: () for name in CATEGORY_FEATURES if name in takes}
    return json.dumps(ModelInput(takes, text).manifest()).encode()


def archive(manifest, name="manifest.json"):
    """A model's archive with this text for a manifest."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for inside, content in (("model.ubj", b"\0" * 100_000), (name, manifest)):
            entry = tarfile.TarInfo(inside)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


class Registry:
    """A registry of models, their archives, and an endpoint."""

    def __init__(self, aws):
        self.s3, self.sagemaker = aws.client("s3"), aws.client("sagemaker")
        self.s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.sagemaker.create_model_package_group(ModelPackageGroupName="fraud")
        self.packages = []

    def register(self, takes=FEW, *, status="Approved", packed=None):
        """A further model that takes these features: its version's number."""
        number = len(self.packages) + 1
        if packed is None:
            packed = archive(says(takes))
        if packed:
            self.s3.put_object(Bucket="models", Key=f"models/{number}/model.tar.gz", Body=packed)
        self.packages.append(
            self.sagemaker.create_model_package(
                ModelPackageGroupName="fraud",
                ModelApprovalStatus=status,
                InferenceSpecification={
                    "Containers": [{"Image": "image", "ModelDataUrl": self.url(number)}],
                    "SupportedContentTypes": ["application/x-npy"],
                    "SupportedResponseMIMETypes": ["application/json"],
                },
            )["ModelPackageArn"]
        )
        return number

    def url(self, number):
        return f"s3://models/models/{number}/model.tar.gz"

    def serve(self, number):
        """The name of an endpoint configuration with a model."""
        container = {"Image": "image", "ModelDataUrl": self.url(number)}
        name, role = f"fraud-{number}", "arn:aws:iam::123456789012:role/model"
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)
        variant = {"VariantName": "main", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        return name


@pytest.fixture
def registry(aws):
    return Registry(aws)


@pytest.fixture
def champion(load, registry):
    """Asks the function, which serves; the version's number, whether it is another one than serves, and the sentence."""
    function = load("champion")

    def ask(serving=None):
        found = function.handler({"configuration": registry.serve(serving) if serving else None}, CONTEXT)
        number = registry.packages.index(found["package"]) + 1 if found["package"] else None
        assert found["model"] == (registry.url(number) if number else None)
        return number, found["another"], found["sentence"]

    return ask


def test_the_newest_approved_model_is_the_champion(registry, champion):
    assert champion() == (None, False, "what serves stays: no model is approved")
    older, newest = registry.register(), registry.register()
    registry.register(status="PendingManualApproval")
    registry.register(status="Rejected")
    sentence = f"model v{newest} serves: it is the newest approved"
    assert champion() == (newest, True, sentence)
    assert champion(older) == (newest, True, sentence)
    assert champion(newest) == (newest, False, sentence)


def test_a_release_that_is_rolled_back_gets_the_model_before_and_the_next_one_its_own(registry, champion, monkeypatch):
    before, newest = registry.register(ALL), registry.register(MORE)
    assert champion(newest) == (before, True, f"model v1 serves: v2, the newest approved, {TAKES}")
    monkeypatch.setattr("fraud.vector.FEATURE_NAMES", MORE)
    assert champion(before) == (newest, True, "model v2 serves: it is the newest approved")


def test_where_none_fits_the_one_that_serves_stays(registry, champion):
    older, newest = registry.register(MORE), registry.register(MORE)
    assert champion(older)[:2] == (older, False)
    assert champion()[:2] == (newest, True)


def test_a_model_whose_approval_was_taken_away_serves_no_longer(registry, champion):
    before = registry.register()
    assert champion(registry.register(status="Rejected"))[:2] == (before, True)


def test_a_model_that_a_run_is_bringing_is_left(registry, champion):
    registry.register()
    coming = registry.register(status="PendingManualApproval")
    assert champion(coming)[:2] == (coming, False)


@pytest.mark.parametrize(
    ("packed", "problem"),
    [
        (b"", "has an archive that cannot be read: s3://models/models/2/model.tar.gz: NoSuchKey"),
        (b"no archive", "has no archive that can be unpacked: s3://models/models/2/model.tar.gz: "),
        (archive(b"{}")[:60], "has no archive that can be unpacked: s3://models/models/2/model.tar.gz: "),
        (archive(b"{}", name="other"), "does not say what it takes: s3://models/models/2/model.tar.gz: manifest.json: missing"),
        (archive(b"{"), "does not say what it takes: s3://models/models/2/model.tar.gz: manifest.json: Expecting"),
        (archive(b"[]"), "does not say what it takes: s3://models/models/2/model.tar.gz: manifest.json: no JSON object"),
        (archive(b"{}"), "does not say what it takes: s3://models/models/2/model.tar.gz: manifest.json: feature_names"),
    ],
    # of the bytes of an archive, which holds a time, each run would make another
    ids=["none", "no archive", "cut off", "no manifest", "no JSON", "no object", "no names"],
)  # fmt: skip
def test_a_model_that_does_not_say_what_it_takes_is_passed_over(registry, champion, packed, problem):
    sound = registry.register()
    registry.register(packed=packed)
    number, another, sentence = champion()
    assert (number, another) == (sound, True)
    assert sentence.startswith(f"model v1 serves: v2, the newest approved, {problem}")


def test_an_archives_place_in_a_folder_of_its_own_does_not_matter(registry, champion):
    number = registry.register(packed=archive(says(FEW), name="./manifest.json"))
    assert champion()[0] == number


def test_storage_that_cannot_be_reached_is_no_reason_to_pass_a_model_over(registry, aws, load, monkeypatch):
    registry.register()
    function = load("champion")
    refused = b"<Error><Code>SlowDown</Code></Error>"
    function.s3.meta.events.register_first("before-send.s3", lambda request, **_: answer(request, refused, 503))
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    with pytest.raises(ClientError, match="SlowDown"):
        function.handler({}, CONTEXT)
