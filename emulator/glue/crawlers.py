"""Crawlers: what there is of them, and their runs. What a crawl does is in `crawl`."""

from __future__ import annotations

import logging
import re
import threading
import time
import uuid
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from emulator.account import ACCOUNT
from emulator.clients import Clients
from emulator.clock import now
from emulator.errors import AccessDeniedError, ServiceError
from emulator.glue.classifiers import Classifiers
from emulator.glue.crawl import Crawl, StoppedError
from emulator.glue.records import Records, named, page, role_arn
from emulator.glue.schedule import NextTime, Schedules
from emulator.glue.security import SecurityConfigurations
from emulator.glue.told import Log, Tell, log_group, why
from emulator.protocol.service import Judge

_LOG_GROUP = "/aws-glue/crawlers"
_NOT_HERE = ("LineageConfiguration", "LakeFormationConfiguration")
_log = logging.getLogger(__name__)


class Crawlers:
    """The operations on crawlers. Targets in S3 are implemented, and crawls of everything in them.

    Args:
        clients, judge: what a crawl does is done, and judged, in the name of its role.
        classifiers, security: what a crawler names.
        tell: puts an event on the bus.
        next_time: reads schedules.
    """

    def __init__(
        self,
        clients: Clients,
        judge: Judge,
        classifiers: Classifiers,
        security: SecurityConfigurations,
        tell: Tell,
        next_time: NextTime,
    ) -> None:
        self._clients, self._judge, self._tell = clients, judge, tell
        self._classifiers, self._security = classifiers, security
        self._schedules = Schedules(next_time, self._start_scheduled)
        self._records = Records("Crawler")
        self._crawls: dict[str, list[dict[str, Any]]] = {}
        self._running: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def create_crawler(self, **given: Any) -> None:
        record = self._checked(given)
        at = now()
        self._records.add(
            given["Name"], {**record, "State": "READY", "CreationTime": at, "LastUpdated": at, "Version": 1}
        )
        self._crawls[given["Name"]] = []
        self._schedules.keep(given["Name"], given.get("Schedule"))

    def update_crawler(self, **given: Any) -> None:
        record = self._records.get(given["Name"])
        self._ready(record)
        known = record.get("Schedule", {}).get("ScheduleExpression")
        kept = {"Role": record["Role"], "Targets": record["Targets"], **({"Schedule": known} if known else {})}
        changed = self._checked({**kept, **given})
        record.update({**changed, "LastUpdated": now(), "Version": record["Version"] + 1})
        self._schedules.keep(given["Name"], {**kept, **given}.get("Schedule"))

    def get_crawler(self, Name: str) -> dict[str, Any]:
        return {"Crawler": self._shown(self._records.get(Name))}

    def get_crawlers(self, **given: Any) -> dict[str, Any]:
        return page([self._shown(one) for one in self._records.all()], "Crawlers", given)

    def list_crawlers(self, **given: Any) -> dict[str, Any]:
        return page([one["Name"] for one in self._records.all()], "CrawlerNames", given)

    def list_crawls(self, CrawlerName: str, **given: Any) -> dict[str, Any]:
        self._records.get(CrawlerName)
        return page(list(reversed(self._crawls[CrawlerName])), "Crawls", given, 20)

    def delete_crawler(self, Name: str) -> None:
        self._ready(self._records.get(Name))
        self._records.remove(Name)
        self._schedules.keep(Name, None)
        del self._crawls[Name]

    def start_crawler(self, Name: str) -> None:
        with self._lock:
            record = self._records.get(Name)
            self._ready(record)
            record["State"] = "RUNNING"
            stopping = self._running[Name] = threading.Event()
        crawl = {"CrawlId": str(uuid.uuid4()), "State": "RUNNING", "StartTime": now()}
        self._crawls[Name].append(crawl)
        threading.Thread(target=self._run, args=(record, crawl, stopping), name=f"crawler {Name}", daemon=True).start()

    def stop_crawler(self, Name: str) -> None:
        with self._lock:
            record = self._records.get(Name)
            if record["State"] == "STOPPING":
                raise ServiceError("CrawlerStoppingException", f"Crawler with name {Name} is stopping")
            if record["State"] != "RUNNING":
                raise ServiceError("CrawlerNotRunningException", f"Crawler with name {Name} isn't running")
            record["State"] = "STOPPING"
            self._running[Name].set()

    def stop(self) -> None:
        """Ends every crawl."""
        self._schedules.stop()
        for stopping in list(self._running.values()):
            stopping.set()

    def _checked(self, given: dict[str, Any]) -> dict[str, Any]:
        """A crawler's record.

        Raises:
            ServiceError: it is wrong, or not implemented here.
        """
        for name in _NOT_HERE:
            if given.get(name):
                raise ServiceError("NotImplementedException", f"a crawler's {name} is not implemented here", 501)
        others = sorted(kind for kind, targets in given["Targets"].items() if targets and kind != "S3Targets")
        if others or not given["Targets"].get("S3Targets"):
            what = others[0] if others else "Targets without S3Targets"
            raise ServiceError("NotImplementedException", f"{what}: only S3Targets are implemented here", 501)
        for target in given["Targets"]["S3Targets"]:
            if not re.fullmatch(r"s3://[^/]+(/.*)?", target.get("Path", "")):
                raise ServiceError("InvalidInputException", f"{target.get('Path')} is not a valid S3 path")
        behaviour = given.get("RecrawlPolicy", {}).get("RecrawlBehavior", "CRAWL_EVERYTHING")
        if behaviour != "CRAWL_EVERYTHING":
            raise ServiceError("NotImplementedException", f"{behaviour} is not implemented here", 501)
        scheduled = given.get("Schedule")
        if scheduled:
            self._schedules.check(scheduled)
        self._classifiers.of(given.get("Classifiers") or [])
        self._security.named(given.get("CrawlerSecurityConfiguration"))
        try:
            self._clients.open_session(role_arn(given["Role"]), named("crawler", given["Name"]))
        except AccessDeniedError as error:
            says = "Service is unable to assume provided role. Please verify role's TrustPolicy"
            raise ServiceError("InvalidInputException", f"{says} ({error.message})") from error
        # page *API_SchemaChangePolicy*
        policy = {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "DEPRECATE_IN_DATABASE"}
        kept = {name: value for name, value in given.items() if value is not None and name != "Tags"}
        if scheduled:
            kept["Schedule"] = {"ScheduleExpression": scheduled, "State": "SCHEDULED"}
        return {**kept, "SchemaChangePolicy": {**policy, **(given.get("SchemaChangePolicy") or {})}}

    def _start_scheduled(self, name: str) -> None:
        try:
            self.start_crawler(name)
        except ServiceError as error:
            failed = {"customerId": ACCOUNT, "crawlerName": name, "errorMessage": error.message}
            self._tell("aws.glue", "Glue Scheduled Crawler Invocation Failure", failed)

    def _ready(self, record: dict[str, Any]) -> None:
        if record["State"] != "READY":
            raise ServiceError("CrawlerRunningException", f"Crawler with name {record['Name']} has already started")

    def _shown(self, record: dict[str, Any]) -> dict[str, Any]:
        elapsed = 0
        if record["State"] != "READY":
            elapsed = int(1000 * (now() - self._crawls[record["Name"]][-1]["StartTime"]).total_seconds())
        return {**record, "CrawlElapsedTime": elapsed}

    def _run(self, record: dict[str, Any], crawl: dict[str, Any], stopping: threading.Event) -> None:
        name, role, started = record["Name"], role_arn(record["Role"]), time.monotonic()
        security = self._security.named(record.get("CrawlerSecurityConfiguration"))
        place = (log_group(_LOG_GROUP, role, security), name)
        log = Log(self._clients, self._judge, role, named("crawler", name), place, security)
        crawl |= {"LogGroup": log.group, "LogStream": log.stream, "MessagePrefix": crawl["CrawlId"]}
        told = {"crawlerName": name, "accountId": ACCOUNT}
        self._say({**told, "state": "Started", "message": "Crawler Started", "startTime": _text(crawl["StartTime"])})
        try:
            work = Crawl(self._clients, record, self._classifiers.of(record.get("Classifiers") or []), stopping)
            log.write([f"[{crawl['CrawlId']}] BENCHMARK : Running Start Crawl for Crawler {name}"])
            changes = work.run()
            log.write([f"[{crawl['CrawlId']}] {line}" for line in work.says])
        except StoppedError:
            self._ended(record, crawl, "CANCELLED", "STOPPED")
        except (ServiceError, ClientError, BotoCoreError) as error:
            _log.warning("crawler %s: %s", name, error)
            crawl["ErrorMessage"] = why(error)[:2048]
            self._ended(record, crawl, "FAILED", "FAILED")
            failed = {"state": "Failed", "message": "Crawler Failed", "errorMessage": crawl["ErrorMessage"]}
            self._say({**told, **failed, "cloudWatchLogLink": log.link})
        except Exception as error:  # noqa: BLE001 - whatever it is, the crawl has failed and says so
            _log.exception("crawler %s", name)
            crawl["ErrorMessage"] = f"Internal Service Exception ({error!r})"[:2048]
            self._ended(record, crawl, "FAILED", "FAILED")
            failed = {"state": "Failed", "message": "Crawler Failed", "errorMessage": crawl["ErrorMessage"]}
            self._say({**told, **failed, "cloudWatchLogLink": log.link})
        else:
            self._ended(record, crawl, "SUCCEEDED", "COMPLETED")
            succeeded = {"state": "Succeeded", "message": "Crawler Succeeded", "warningMessage": "N/A"}
            counts = {name: str(count) for name, count in changes.items()}
            ran = {"runningTime (sec)": str(round(time.monotonic() - started)), "completionDate": _text(now())}
            self._say({**told, **succeeded, **counts, **ran, "cloudWatchLogLink": log.link})

    def _ended(self, record: dict[str, Any], crawl: dict[str, Any], status: str, state: str) -> None:
        crawl |= {"State": state, "EndTime": now()}
        error = {"ErrorMessage": crawl["ErrorMessage"]} if "ErrorMessage" in crawl else {}
        kept = {name: crawl[name] for name in ("LogGroup", "LogStream", "MessagePrefix", "StartTime")}
        with self._lock:
            record["LastCrawl"] = {"Status": status, **kept, **error}
            self._running.pop(record["Name"], None)
            # last: whoever waits for the end finds everything else in place
            record["State"] = "READY"

    def _say(self, detail: dict[str, str]) -> None:
        self._tell("aws.glue", "Glue Crawler State Change", detail)


def _text(moment: Any) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
