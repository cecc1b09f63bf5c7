"""Every use of MiniStack's private parts; nothing outside this package imports it.

It is pinned exactly. `names` lists what is used of it and in which form, and checks that as the emulated AWS starts.

MiniStack gives the address, routing, CloudFormation, S3, SQS, SNS, DynamoDB, EventBridge, Scheduler, Step Functions, KMS,
Secrets Manager, CloudWatch, API Gateway and IAM. What is put in place of its own parts, and why:

- Functions: its worker runs them without AWS's runtime client and with this process's variables.
- Tasks of state machines: it calls its services directly, past their policies, and knows neither SageMaker nor `.sync`.
- SageMaker, Glue, Fraud Detector, MSK and Managed Flink: it has none, or a control plane without anything behind it.
- Event source mappings of streams: it keeps no batch window, no partial failures, no bisecting, no retries.
- Deliveries (rules, schedules): it calls targets past the policies of the role that delivers, and past queues' own, and drops
  what is refused.
- Notifications of buckets: it lets filters overlap, any event's name, and queues whose key no service may use.
- Tables' sizes: it says what they are, not what they were hours ago.
- Uploads in parts: it puts parts of any size together, in any order.
- Queues' mappings: an answer that it cannot read counts as success.
- Subnets: it knows three zones of a region, and puts those of others into the first.
- The gateway of an API: it takes bodies of any size, waits for ever, and calls functions past their own policies; a template's
  methods validate nothing.
- Alarms on endpoints: it puts all metrics of a name together, and all periods of an alarm.
- Limits: it keeps few of those of AWS's pages, and none of a template's resources.
- Tokens of user pools: it takes each that the pool has signed, whatever it is for.
- Roles: it gives any service the session of any role, and lets pass what it knows no IAM action for.
- Signatures: it does not check the root's, and takes keys of some names, and headers of other kinds, for the root's.
"""

from __future__ import annotations

from emulator.hosted.ministack.alarms import EndpointMetrics, judge_endpoints_alarms
from emulator.hosted.ministack.calls import function_role, invoke_function, run_functions, run_tasks
from emulator.hosted.ministack.events import (
    Undelivered,
    deliver,
    next_time,
    poll,
    queue_and_function,
    stream_bounds,
    stream_records,
    tell,
)
from emulator.hosted.ministack.gateway import hold_the_gateway, take_tokens_for_what_they_are, validate_as_templates_say
from emulator.hosted.ministack.judging import judge, note_denial, open_session, record_judgements, role_statements
from emulator.hosted.ministack.limits import hold_to_limits
from emulator.hosted.ministack.notifications import notify_as_the_service, queue_trusts
from emulator.hosted.ministack.plane import (
    add_services,
    add_types,
    evaluate_alarms,
    know_all_zones,
    refer_to_secrets_by_arn,
    serve,
    type_handlers,
    watch_resources,
)
from emulator.hosted.ministack.signatures import check_every_signature
from emulator.hosted.ministack.tables import count_items_every
from emulator.hosted.ministack.uploads import put_parts_together_as_the_service

__all__ = [
    "EndpointMetrics",
    "Undelivered",
    "add_services",
    "add_types",
    "check_every_signature",
    "count_items_every",
    "deliver",
    "evaluate_alarms",
    "function_role",
    "hold_the_gateway",
    "hold_to_limits",
    "invoke_function",
    "judge",
    "judge_endpoints_alarms",
    "know_all_zones",
    "next_time",
    "note_denial",
    "notify_as_the_service",
    "open_session",
    "poll",
    "put_parts_together_as_the_service",
    "queue_and_function",
    "queue_trusts",
    "record_judgements",
    "refer_to_secrets_by_arn",
    "role_statements",
    "run_functions",
    "run_tasks",
    "serve",
    "stream_bounds",
    "stream_records",
    "take_tokens_for_what_they_are",
    "tell",
    "type_handlers",
    "validate_as_templates_say",
    "watch_resources",
]
