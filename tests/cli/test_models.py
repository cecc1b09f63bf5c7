"""`fraud models`: what the registry has, what serves, how two versions did, and another one taking over."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from cli import applications
from cli.models import taking_over
from cli.models.registry import Served
from tests.cli.person_files import ran
from tests.cli.registry_account import FEW, GROUP, OUTPUTS, Account, evaluation

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        stands = Account()
        monkeypatch.setattr(applications, "in_use", lambda: SimpleNamespace(client=stands.client))
        monkeypatch.setattr(applications, "outputs", lambda _, stack: OUTPUTS[stack])
        monkeypatch.setattr(taking_over, "POLL_S", 0)
        yield stands


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command: exit status, and what it said on both outputs, a space for each run of them."""

    def command(*words: str) -> tuple[int, str]:
        done = ran(monkeypatch, capsys, "models", *words)
        return done.status, done.said

    return command


def test_the_versions_are_listed_newest_first_with_what_serves_and_why(account: Account, run: Run) -> None:
    assert run("list") == (0, "the first model serves, which knows nothing: no model is approved")
    one = account.register(number=1, told=evaluation(1, 0.8))
    account.register(number=2, names=(*FEW, "shoe_size"), told=evaluation(2, 0.9, (1, 0.8)))
    account.register("Rejected", number=3)
    account.register("PendingManualApproval", number=4)
    status, said = run("list")
    passed_over = "v2, the newest approved, takes features that this release does not compute: shoe_size"
    to_be = f"v1 is to: {passed_over}; `fraud models promote v1` brings it"
    assert (status, said.endswith(f"the first model serves, which knows nothing; {to_be}")) == (0, True), said
    account.deploy(f"{GROUP}-run", one)
    status, said = run("list", "--json")
    told = json.loads(said)
    assert told["serves"] == f"model v1 serves: {passed_over}"
    assert [(each["version"], each["status"]) for each in told["versions"]] == [
        (4, "PendingManualApproval"), (3, "Rejected"), (2, "Approved"), (1, "Approved"),
    ]  # fmt: skip
    assert [each["serves"] for each in told["versions"]] == [False, False, False, True]
    assert [each["uncomputed"] for each in told["versions"]] == [[], [], ["shoe_size"], []]
    assert told["versions"][2]["figures"] == {"average_precision": 0.9, "recall_at_fpr_0.001": 0.5}
    assert told["versions"][1]["evaluation"] is None
    status, said = run("list", "--count", "1")
    assert (status, "3 older: --count shows more" in said, "v3" in said) == (0, True, False)


def test_a_version_is_shown_with_its_figures_and_what_it_was_made_of(account: Account, run: Run) -> None:
    account.deploy(f"{GROUP}-run", account.register(number=1, told=evaluation(1, 0.8)))
    account.register(number=2, told=evaluation(2, 0.9, (1, 0.8)))
    status, said = run("show", "v1")
    assert status == 0
    for part in (
        "version v1, which serves",
        f"features 3: {', '.join(FEW)}",
        "trained on 1,000 rows of 2026-01-01 to 2026-02-20, 10 frauds; fingerprint f1",
        "training set f2; labels as of 2026-02-01T00:00:00.000Z, 7 days of delay; features as declared in c1",
        "evaluation s3://models/evaluations/1/evaluation.json",
        "tested on 900 rows of 2026-03-02 to 2026-03-12, 30 frauds, which it had not seen",
        "beside no model",
        "Average precision 0.8000 0.7900 to 0.8100",
        "ROC AUC -",
    ):
        assert part in said
    assert "beside model m1, on the same rows" in run("show", "2")[1]
    told = json.loads(run("show", f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{GROUP}/2", "--json")[1])
    assert (told["package"]["version"], told["manifest"]["model_version"]) == (2, "m2")
    assert told["evaluation"] == evaluation(2, 0.9, (1, 0.8))


def test_a_version_without_evaluation_or_archive_says_so(account: Account, run: Run) -> None:
    account.register(number=1)
    account.s3.delete_object(Bucket="models", Key="models/1/model.tar.gz")
    status, said = run("show", "v1")
    assert (status, "none is known: it was registered by hand" in said) == (0, True)
    assert "cannot serve has an archive that cannot be read: s3://models/models/1/model.tar.gz: NoSuchKey" in said
    account.register(number=2)
    assert run("compare", "v1", "v2")[1].startswith("fraud: v1: no evaluation is known of it")
    assert run("compare", "v1", "v1")[1].startswith("fraud: A and B are both v1; allowed: two versions")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("v9", "no such version in card-fraud-dev of the application that `fraud up`"),
        ("nine", "no version; allowed: as v7, 7"),
    ],
)
def test_a_version_that_there_is_not_is_told_which_there_are(account: Account, run: Run, said: str, why: str) -> None:
    account.register(number=1)
    status, told = run("show", said)
    assert (status, f"fraud: {said}: {why}" in told) == (2, True), told
    assert said != "v9" or "there are: v1" in told


def test_of_two_that_were_judged_on_the_same_rows_the_difference_is_paired(account: Account, run: Run) -> None:
    account.register(number=1, told=evaluation(1, 0.7))
    account.register(number=2, told=evaluation(2, 0.9, (1, 0.8)))
    status, said = run("compare", "v1", "v2")
    assert status == 0
    # v1's on the rows of v2, not those of its own evaluation
    assert "Average precision 0.8000 0.9000 +0.1000 +0.0900 to +0.1100" in said
    assert "v2 was evaluated against v1, both on 900 rows of 2026-03-02 to 2026-03-12 (30 frauds)." in said
    assert "card new (9 frauds): recall at 0.1% +0.1000 (+0.0900 to +0.1100)" in said
    assert "card known" not in said
    status, said = run("compare", "v2", "v1")
    assert (status, "Average precision 0.9000 0.8000 -0.1000 -0.1100 to -0.0900" in said) == (1, True), said
    assert said.endswith("fraud: v1 is surely worse than v2: Average precision")


def test_of_two_on_rows_of_their_own_nothing_is_paired(account: Account, run: Run) -> None:
    account.register(number=1, told=evaluation(1, 0.9))
    account.register(number=2, told=evaluation(2, 0.7, (5, 0.6)))
    status, said = run("compare", "v1", "v2", "--json")
    told = json.loads(said)
    assert (status, told["difference"], told["worse"]) == (0, None, [])
    assert told["figures"]["average_precision"] == {"one": 0.9, "other": 0.7}
    assert told["rows"].startswith("Neither was evaluated against the other: v1 on 900 rows")


def three(account: Account) -> None:
    """Three versions, of which the third, newest approved, serves."""
    for number in (1, 2, 3):
        url = account.register(number=number)
    account.deploy(f"{GROUP}-run", url)


def test_a_pending_version_is_approved_and_brought(account: Account, run: Run) -> None:
    three(account)
    four = account.register("PendingManualApproval", number=4)
    status, said = run("promote", "v4", "--yes")
    assert (status, said) == (0, "model v4 serves: it is the newest approved v4 takes over: run-1")
    assert (account.serves(), account.statuses()[4], account.says(4)) == (four, "Approved", "promoted by a person")
    assert account.machine.given == ['{"redeploy": true}']
    assert run("promote", "v4")[1] == "model v4 serves: it is the newest approved"
    assert len(account.machine.given) == 1


def test_a_rollback_sets_the_newer_ones_aside_and_they_can_come_back(account: Account, run: Run) -> None:
    three(account)
    account.register(number=4, names=(*FEW, "shoe_size"))
    account.machine.uncomputed = {4}
    assert (run("rollback", "--yes")[0], account.serves()) == (0, "s3://models/models/2/model.tar.gz")
    # the fourth is of a later release, and stands in no one's way
    assert account.statuses() == {1: "Approved", 2: "Approved", 3: "Rejected", 4: "Approved"}
    assert account.says(3) == "set aside by a person: v2 serves in its place"
    assert (run("rollback", "--to", "v1", "--yes")[0], account.serves()) == (0, "s3://models/models/1/model.tar.gz")
    status, said = run("rollback", "--yes")
    assert (status, "no approved version from before v1, which serves, is one whose" in said) == (2, True)
    assert (run("promote", "v3", "--yes")[0], account.serves()) == (0, "s3://models/models/3/model.tar.gz")
    assert account.statuses() == {1: "Approved", 2: "Rejected", 3: "Approved", 4: "Approved"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ("promote", "v4"),
            "v4 is rejected: an alarm went off; allowed: one that is approved, pending, or was set aside",
        ),
        (("promote", "v5"), "v5 cannot serve: it takes features that this release does not compute: shoe_size"),
        (
            ("promote", "v6"),
            "v6 cannot serve: it has an archive that cannot be read: s3://models/models/6/model.tar.gz",
        ),
        (("promote", "v9"), "v9: no such version"),
        (("rollback", "--to", "v3"), "--to: v3 is not from before v3, which serves; allowed: an older one"),
        (("rollback", "--to", "v5"), "--to: v5 is not from before v3"),
    ],
)
def test_a_version_that_cannot_serve_is_refused(account: Account, run: Run, words: tuple[str, ...], says: str) -> None:
    three(account)
    for number, status in ((4, "PendingManualApproval"), (5, "Approved"), (6, "PendingManualApproval")):
        account.register(status, names=(*FEW, "shoe_size") if number == 5 else FEW, number=number)
    account.reject(4, "an alarm went off")
    account.s3.delete_object(Bucket="models", Key="models/6/model.tar.gz")
    before, serves = account.statuses(), account.serves()
    status, said = run(*words, "--yes")
    assert (status, f"fraud: {says}" in said) == (2, True), said
    assert (account.statuses(), account.serves(), account.machine.given) == (before, serves, [])


def test_without_a_version_that_serves_there_is_nothing_to_roll_back_from(account: Account, run: Run) -> None:
    account.register(number=1)
    status, said = run("rollback", "--yes")
    assert (status, said.endswith("there is no version to roll back from")) == (2, True), said


def test_it_asks_before_and_where_nobody_is_there_it_says_what_it_would_do(
    account: Account, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    three(account)
    what = "model v3 serves: it is the newest approved. v1 takes over behind the canary; v3, v2 will be rejected"
    status, said = run("rollback", "--to", "v1")
    assert (status, what in said, "nobody is there to be asked; do it with --yes" in said) == (2, True, True), said
    for answer, runs in (("n", 0), ("y", 1)):
        monkeypatch.setattr("sys.stdin", Typed(f"{answer}\n"))
        status, said = run("rollback", "--to", "v1")
        assert (status, what in said, len(account.machine.given)) == (0, True, runs), said


class Typed(io.StringIO):
    """What a person types."""

    def isatty(self) -> bool:
        return True


def test_while_the_endpoint_takes_another_model_nothing_is_changed(
    account: Account, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    three(account)
    monkeypatch.setattr("cli.models.registry.Models.served", lambda _: Served("Updating", account.serves(), True))
    status, said = run("promote", "v2", "--yes")
    assert (status, "the endpoint is Updating and takes no other model meanwhile; allowed: InService" in said) == (
        2,
        True,
    )
    assert account.statuses() == {1: "Approved", 2: "Approved", 3: "Approved"}


def test_a_version_that_an_alarm_stops_is_rejected_and_the_registry_is_as_it_was(account: Account, run: Run) -> None:
    three(account)
    account.register("PendingManualApproval", number=4)
    account.machine.ends = {"status": "FAILED", "error": "RolledBack", "cause": "An alarm went off."}
    serves = account.serves()
    status, said = run("promote", "v4", "--yes")
    assert (status, account.serves()) == (1, serves)
    assert (
        "v4 does not serve: An alarm went off. The registry is as it was, but v4 is rejected. model v3 serves" in said
    )
    assert (account.statuses()[4], account.says(4)) == ("Rejected", "an alarm went off while it took over")
    status, said = run("rollback", "--yes")
    assert (status, account.serves()) == (1, serves)
    assert "v2 does not serve: An alarm went off. The registry is as it was. model v3 serves: it is the newest" in said
    assert {account.statuses()[number] for number in (1, 2, 3)} == {"Approved"}
    assert [account.says(number) for number in (2, 3)] == ["", ""]


def test_a_version_that_the_deployed_release_passes_over_changes_nothing(account: Account, run: Run) -> None:
    three(account)
    account.register("PendingManualApproval", number=4)
    account.machine.ends = {"status": "SUCCEEDED", "output": '{"sentence": "model v3 serves: v4 takes features"}'}
    status, said = run("promote", "v4", "--yes")
    assert (status, "v4 does not serve: model v3 serves: v4 takes features. The registry is as it was." in said) == (
        1,
        True,
    )
    assert account.statuses() == {1: "Approved", 2: "Approved", 3: "Approved", 4: "PendingManualApproval"}


def test_a_run_that_does_not_start_leaves_the_registry_as_it_was(
    account: Account, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    three(account)
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "StartExecution")

    def start_execution(**_: str) -> None:
        raise denied

    monkeypatch.setattr(account.machine, "start_execution", start_execution)
    status, said = run("rollback", "--yes")
    assert (status, "nothing was deployed, and the registry is as it was: An error occurred (AccessDenied" in said) == (
        1,
        True,
    )
    assert account.statuses() == {1: "Approved", 2: "Approved", 3: "Approved"}


def test_ctrl_c_leaves_the_run_going(account: Account, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    three(account)

    def describe_execution(**_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(account.machine, "describe_execution", describe_execution)
    status, said = run("rollback", "--yes")
    assert (status, "the run goes on: run-1. `fraud models list` says what serves" in said) == (130, True)
