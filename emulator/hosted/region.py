"""All services of the emulated AWS, wired together."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from emulator.clients import Clients
from emulator.errors import AccessDeniedError, ServiceError
from emulator.flink import Applications
from emulator.flink import service as flink_service
from emulator.fraud_detector.services import service as fraud_detector_service
from emulator.functions.environments import Functions
from emulator.glue.catalogue import Catalogue
from emulator.glue.classifiers import Classifiers
from emulator.glue.crawlers import Crawlers
from emulator.glue.jobs import Jobs as GlueJobs
from emulator.glue.security import SecurityConfigurations
from emulator.glue.services import service as glue_service
from emulator.hosted import ministack
from emulator.hosted.deliveries import Mappings
from emulator.hosted.resources import types
from emulator.kafka.clusters import Clusters
from emulator.kafka.clusters import service as kafka_service
from emulator.keys import Keys
from emulator.permissions import Usage
from emulator.protocol.service import Router
from emulator.sagemaker.endpoints import Endpoints
from emulator.sagemaker.feature_store import FeatureStore
from emulator.sagemaker.jobs import Jobs
from emulator.sagemaker.registry import Registry
from emulator.sagemaker.services import services as sagemaker_services
from emulator.sagemaker.transforms import Transforms
from emulator.sagemaker.tuning import TuningJobs
from emulator.stand_ins import StandIns
from emulator.tasks import Tasks

_log = logging.getLogger(__name__)

QUEUE_READER = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
"""What an event source mapping does with a queue in the name of its function's role."""

DELIVERIES = {
    "states": "states:StartExecution",
    "lambda": "lambda:InvokeFunction",
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
    "events": "events:PutEvents",
}
"""What a rule or a schedule does with a target, by the target's service."""

ALARMS_EVERY_S = 2.0


class Region:
    """The emulated AWS, ready to be served.

    Args:
        folder: data and logs of everything go below it.
        endpoint: the address that it will be served at.
        admin: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of the account's root.
        stand_ins: for what the cloud has.
    """

    def __init__(self, folder: Path, endpoint: str, admin: Mapping[str, str], stand_ins: StandIns) -> None:
        self.usage, self.keys = Usage(), Keys()
        self.clients = Clients(endpoint, admin, ministack.open_session)
        self.functions = Functions(folder / "functions", endpoint, Path(stand_ins.functions))
        ministack.check_every_signature(admin["AWS_ACCESS_KEY_ID"])
        ministack.record_judgements(self.usage.judged, self.keys.needs)
        ministack.watch_resources(self.keys.made)
        ministack.refer_to_secrets_by_arn()
        ministack.know_all_zones()
        ministack.run_functions(self.functions)
        ministack.hold_to_limits()
        ministack.hold_the_gateway()
        ministack.validate_as_templates_say()
        ministack.take_tokens_for_what_they_are()
        tasks = Tasks(self.clients, ministack.judge)
        ministack.run_tasks(tasks)
        ministack.deliver(self._may_deliver, tasks, self._to_dead_letters)
        ministack.poll(self._may_read_queue)
        ministack.notify_as_the_service()
        ministack.put_parts_together_as_the_service()
        ministack.count_items_every(stand_ins.item_counts_every_s)
        lasts = stand_ins.deployment_waits or 1.0
        ministack.judge_endpoints_alarms(lasts)
        ministack.evaluate_alarms(ALARMS_EVERY_S * lasts)
        self.clusters = Clusters(folder / "kafka", ministack.judge, self._zones)
        self.functions.after = lambda function: self.clusters.judge_client(function.credentials["AWS_ACCESS_KEY_ID"])
        self.applications = Applications(
            folder / "flink", self.clients, ministack.judge, self.clusters, stand_ins.topics
        )
        self.jobs = Jobs(folder / "jobs", self.clients, ministack.judge, stand_ins.images, stand_ins.programs)
        self.tuning = TuningJobs(self.jobs)
        self.endpoints = Endpoints(
            folder / "endpoints",
            self.clients,
            ministack.judge,
            stand_ins.images,
            ministack.EndpointMetrics(),
            stand_ins.deployment_waits,
        )
        self.transforms = Transforms(
            folder / "transforms", self.clients, ministack.judge, stand_ins.images, self.endpoints.models
        )
        self.store = FeatureStore(folder / "feature-store.db")
        self.mappings = Mappings(self.clients, ministack.judge, self.clusters)
        classifiers, security = Classifiers(), SecurityConfigurations()
        self.crawlers = Crawlers(
            self.clients, ministack.judge, classifiers, security, ministack.tell, ministack.next_time
        )
        self.glue_jobs = GlueJobs(
            folder / "glue", self.clients, ministack.judge, stand_ins.glue, security, ministack.tell
        )
        glue = glue_service(Catalogue(), classifiers, self.crawlers, self.glue_jobs, security)
        sagemaker = sagemaker_services(self.jobs, self.tuning, self.transforms, self.endpoints, Registry(), self.store)
        ours = [
            *sagemaker,
            glue,
            fraud_detector_service(self.clients),
            kafka_service(self.clusters),
            flink_service(self.applications),
        ]
        router = Router(ours, ministack.judge)
        ministack.add_services(router.signing_names, router)
        ministack.add_types(types(self.clients, self.mappings))

    @property
    def pages(self) -> dict[str, Callable[[], Any]]:
        """What whoever runs this may ask for."""
        return {
            "/_local/permissions": lambda: self.usage.report(ministack.role_statements()),
            "/_local/processes": self._processes,
            "/_local/work": self._work,
            "/_local/mappings": lambda: dict(self.mappings.states),
        }

    def _work(self) -> Counter[str]:
        counts = (self.functions.calls, self.endpoints.calls, self.applications.starts, self.clusters.starts)
        return sum((one.copy() for one in (*counts, self.mappings.delivered)), Counter())

    def _processes(self) -> dict[str, list[int]]:
        found = {
            "application": self.applications.processes(),
            "cluster": self.clusters.processes(),
            "endpoint": self.endpoints.processes(),
            "function": self.functions.processes(),
            "glue-job": self.glue_jobs.processes(),
            "transform-job": self.transforms.processes(),
        }
        return {f"{kind}/{name}": pids for kind, part in found.items() for name, pids in part.items()}

    def stop(self) -> None:
        """Ends every process, those that send before those that receive."""
        works = (
            self.mappings,
            self.crawlers,
            self.applications,
            self.glue_jobs,
            self.tuning,
            self.jobs,
            self.transforms,
        )
        for part in (*works, self.functions, self.endpoints, self.clusters):
            part.stop()

    def _zones(self, subnets: Sequence[str]) -> dict[str, str]:
        """In which zone each of these subnets is, by the zones' ids."""
        try:
            found = self.clients.admin("ec2").describe_subnets(SubnetIds=list(subnets))["Subnets"]
        except ClientError as error:
            raise ValueError(str(error)) from error
        return {subnet["SubnetId"]: subnet["AvailabilityZoneId"] for subnet in found}

    def _may_deliver(self, role_arn: str, target_arn: str, taken_by: str) -> None:
        action = DELIVERIES.get(target_arn.split(":")[2])
        if action is None:
            raise ServiceError("NotImplementedException", f"a delivery to {target_arn} is not implemented here", 501)
        key = self.clients.open_session(role_arn, taken_by, "delivery")
        ministack.judge(key["AWS_ACCESS_KEY_ID"], action, target_arn)

    def _to_dead_letters(self, dead: ministack.Undelivered) -> None:
        """Sends to the dead letters: a schedule in the name of its role, a rule where the queue lets it."""
        attributes = {name: {"DataType": "String", "StringValue": text} for name, text in dead.attributes.items()}
        try:
            if dead.service == "scheduler" and dead.role:
                sqs = self.clients.role("sqs", dead.role, dead.taken_by, "delivery")
            elif ministack.queue_trusts(dead.queue, dead.service, dead.sender):
                sqs = self.clients.admin("sqs")
            else:
                ministack.note_denial(f"{dead.service}.amazonaws.com", "sqs:SendMessage", dead.queue)
                raise AccessDeniedError(f"the queue's policy does not let {dead.service}.amazonaws.com send to it")
            named = self.clients.admin("sqs").get_queue_url(QueueName=dead.queue.rsplit(":", 1)[-1])
            sqs.send_message(QueueUrl=named["QueueUrl"], MessageBody=dead.body, MessageAttributes=attributes)
        except (ServiceError, ClientError) as error:
            _log.error("%s: its dead letters %s were not reached: %s", dead.sender, dead.queue, error)

    def _may_read_queue(self, mapping: str, function_arn: str, queue_arn: str, messages: int) -> None:
        key = self.clients.open_session(ministack.function_role(function_arn), "lambda", "event-source-mapping")
        for action in QUEUE_READER:
            ministack.judge(key["AWS_ACCESS_KEY_ID"], action, queue_arn)
        self.mappings.delivered[mapping] += messages
