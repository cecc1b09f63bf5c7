"""Every name of MiniStack's that is used or replaced here, with the form it was written for. Nothing else reaches into MiniStack.

MiniStack gives no promise on its private parts: another version may have renamed or changed any of them. `check` looks at all of
them as the emulated AWS starts, and names all that differ in one error.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
from collections.abc import Iterable, Mapping
from typing import Any

VERSION = "1.5.33"
"""The version that the table was written for, as `requirements/emulator.in` pins it."""


class WrongMiniStackError(RuntimeError):
    """The installed MiniStack is not the one that this package was written for; the text lists what differs."""


class Module:
    """A module of MiniStack's, imported at the first use. Names that the table does not have can be neither read nor replaced.

    Args:
        path: as it is imported.
        forms: {name: parameters of what can be called, as `inspect` writes them without types; else the type's name}.
    """

    _path: str
    _forms: Mapping[str, str]

    def __init__(self, path: str, forms: Mapping[str, str]) -> None:
        object.__setattr__(self, "_path", path)
        object.__setattr__(self, "_forms", forms)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._holding(name), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._holding(name), name, value)

    def _holding(self, name: str) -> Any:
        if name not in self._forms:
            raise AttributeError(f"{self._path}.{name} is not in the table of names that are used")
        return importlib.import_module(self._path)

    def differing(self) -> Iterable[str]:
        """What is not as the table has it, a clause for each name."""
        try:
            module = importlib.import_module(self._path)
        except ImportError as error:
            yield f"{self._path}: cannot be imported ({error})"
            return
        for name, wanted in self._forms.items():
            found = _form(module, name)
            if found != wanted:
                yield f"{self._path}.{name}: {found or 'is missing'}; written for {wanted}"


def _form(module: object, name: str) -> str:
    """The form of what a module has under a name, or a part of that has, as `_roles._data`; empty if it has nothing there."""
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            return ""
        found = getattr(found, part)
    if not callable(found):
        return type(found).__name__
    signature = inspect.signature(found)
    bare = [one.replace(annotation=one.empty) for one in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=signature.empty))


app = Module(
    "ministack.app",
    {
        "SERVICE_HANDLERS": "dict",
        "_authenticate_only": "(service, headers, query_params, request_id)",
        "_credential_failure": "(service, iam_action, request_id, denied, headers)",
        "_handle_post_body_shortcuts": "(method, path, headers, body, query_params, request_id)",
        "app": "(scope, receive, send)",
        "detect_service": "(method, path, headers, query_params)",
        "extract_access_key_id": "(headers, query_params=None)",
        "pin_signed_request": "(method, raw_path, query_params, raw_headers, handshake=False)",
    },
)
apigateway_v1 = Module(
    "ministack.services.apigateway_v1",
    {
        "_create_request_validator": "(api_id, data)",
        "_delete_request_validator": "(api_id, validator_id)",
        "_execute_in_scope": (
            "(request, api_id, stage_name, method, path, headers, body, query_params, owner_account_id, owner_region)"
        ),
        "_extract_lambda_ref_from_integration_uri": "(uri)",
        "_gw_error": "(response_type, message)",
        "_invoke_lambda_proxy_v1": (
            "(integration, api_id, stage_name, stage, resource, request_path, method, headers, body, query_params, "
            "path_params, *, owner_account_id=None, owner_region=None, binary_media_types=None, authorizer_context=None, "
            "caller_identity=None)"
        ),
        "_update_method": "(api_id, resource_id, http_method, data)",
        "_validate_cognito_authorizer": "(authorizer, method_obj, headers, query_params, stage)",
    },
)
iam_actions = Module(
    "ministack.core.iam_actions",
    {
        "access_denied_response": (
            "(service, action, principal_arn, request_id, *, error_code='', message='', headers=None, "
            "resource_arn='*', explicit_deny=False, resource_policy_arn='')"
        ),
        "identity_denial_message": "(action, principal_arn, resource, explicit_deny)",
    },
)
iam_evaluator = Module(
    "ministack.core.iam_evaluator",
    {
        "AuthError": "(code, message, details=<factory>)",
        "EvalContext": (
            "(principal_arn, principal_type, principal_account, action, resource_arn, region, source_ip=<factory>, "
            "secure_transport=<factory>, request_tags=<factory>, tag_keys=<factory>, service_context=<factory>, "
            "principal_keys=<factory>)"
        ),
        "_anonymous": "ContextVar",
        "_conditions_met": "(conditions, ctx)",
        "_is_root_key": "(access_key_id)",
        "_resolve_condition_key": "(key, ctx)",
        "_resolve_managed_policy_document": "(policy_arn, account_id)",
        "_service_principal_matches": "(principal, service)",
        "_signed_request": "ContextVar",
        "evaluate_resource_policy": "(doc, ctx, service=None, named_only=False, direct_only=False)",
        "enforce": "(access_key_id, iam_action, service, region, resource_arn='*', service_context=None)",
        "fnmatch_iam": "(value, pattern)",
        "is_root_access_key": "(access_key_id)",
        "parse_policy_document": "(doc)",
        "pin_request_origin": "(source_ip, secure_transport)",
        "pin_signed_request": "(method, raw_path, query_params, raw_headers, handshake=False)",
    },
)
lambda_runtime = Module("ministack.core.lambda_runtime", {"execution_credentials": "(config)"})
router = Module("ministack.core.router", {"detect_service": "(method, path, headers, query_params)"})
custom_resource = Module("ministack.services.cloudformation.custom_resource", {"deliver_response": "(token, response)"})
provisioners = Module(
    "ministack.services.cloudformation.provisioners", {"_RESOURCE_HANDLERS": "dict", "_ec2_subnet_zone": "(props)"}
)
stacks = Module(
    "ministack.services.cloudformation.stacks",
    {
        "_provision_resource": "(resource_type, logical_id, props, stack_name)",
        "_runs_on_worker_thread": "(resource_type)",
        "_update_resource": (
            "(resource_type, physical_id, old_props, new_props, stack_name, logical_id=None, old_attrs=None)"
        ),
    },
)
cloudwatch = Module(
    "ministack.services.cloudwatch",
    {
        "_alarms": "AccountRegionScopedDict",
        "_calc_stats": "(points)",
        "_composite_alarms": "AccountRegionScopedDict",
        "_dims_key": "(dims)",
        "_dispatch_alarm_actions": "(alarm, old_state, new_state, reason)",
        "_evaluate_alarm": "(alarm)",
        "_evaluate_all_alarms": "()",
        "_evaluate_parent_alarms": "(child, seen=frozenset())",
        "_metric_bucket": "(key)",
        "_metrics": "AccountRegionScopedDict",
        "_record_history": "(alarm_name, old_state, new_state, reason, alarm_type='MetricAlarm', reason_data=None)",
        "_stat_value": "(stats, stat_name, points=None)",
        "record_metric": "(namespace, metric_name, value, unit='None', dimensions=None)",
    },
)
dynamodb = Module(
    "ministack.services.dynamodb",
    {
        "_DDB_TXN_MAX_BYTES": "int",
        "_table_description": "(name)",
        "stream_end_position": "(table_name, *, account_id=None, region=None)",
        "stream_records_since": "(table_name, position, limit, *, account_id=None, region=None)",
        "stream_start_position": "(table_name, *, account_id=None, region=None)",
    },
)
ec2 = Module("ministack.services.ec2", {"_az_id_for_zone_name": "(zone_name)", "get_region": "()"})
eventbridge = Module(
    "ministack.services.eventbridge",
    {
        "_SCHEDULER_TICK_INTERVAL": "int",
        "_cron_next_fire": "(fields, after_dt)",
        "_invoke_target": "(target, event, rule, view=None)",
        "_parse_cron_fields": "(expr)",
        "_pattern_event_view": "(event)",
        "_put_events": "(data, allow_aws_source=False)",
    },
)
iam = Module("ministack.services.iam", {"_roles": "AccountScopedDict", "_roles._data": "dict"})
lambda_svc = Module(
    "ministack.services.lambda_svc",
    {
        "_emit_lambda_logs": "(func, request_id, log_text, error, duration_ms, *, log_source=None)",
        "_execute_function": "(func, event)",
        "_execute_function_dispatch": "(func, config, event, request_id, started)",
        "_execute_function_with_config_scope": "(func, event)",
        "_execution_record_for_config": "(func, config)",
        "_functions": "AccountRegionScopedDict",
        "_get_func_record_for_ref": "(function_ref)",
        "_poll_dynamodb_streams": "()",
        "_resolve_layer_zip": "(attachment)",
        "_run_sqs_batch": "(esm, func_rec, event, batch, queue_url, queue_name)",
        "_validate_total_unzipped_size": "(code_zip, layers)",
    },
)
kms = Module("ministack.services.kms", {"_resolve_key": "(key_id_or_arn)"})
s3 = Module(
    "ministack.services.s3",
    {
        "_complete_multipart_upload": "(bucket_name, key, body, query_params, headers=None)",
        "_deliver_event_to_sqs": "(arn, event_payload, bucket_region, bucket_name='')",
        "_error": "(code, message, status, resource='', extra=None, headers=None)",
        "_invalid_notification_config": "(message)",
        "_multipart_uploads": "AccountScopedDict",
        "_notification_destination_allows": "(target_type, arn, bucket_name, owner)",
        "_validate_notification_configs": "(configs, bucket_region, bucket_name='', skip_destination_validation=False)",
    },
)
scheduler = Module("ministack.services.scheduler", {"_SCHEDULE_TICK_INTERVAL": "int"})
sqs = Module(
    "ministack.services.sqs",
    {
        "_queue_by_arn": "(arn)",
        "_queue_url": "(name)",
        "_queues": "AccountRegionScopedDict",
        "queue_policy_allows": "(queue_arn, service, source_arn, source_account)",
    },
)
stepfunctions = Module(
    "ministack.services.stepfunctions",
    {
        "_ExecutionError": "(error, cause)",
        "_add_event": "(execution, event_type, details=None)",
        "_error_matches": "(error_equals, error)",
        "_execute_task": "(state_def, raw_input, execution, ctx)",
        "_fail_execution": "(execution, error, cause)",
        "_invoke_resource": "(resource, input_data)",
        "_invoke_resource_with_timeout": "(resource, input_data, timeout)",
        "_state_machines": "AccountRegionScopedDict",
    },
)
sts = Module("ministack.services.sts", {"_sessions": "dict", "register_session": "(access_key, session)"})

MODULES = (
    *(apigateway_v1, app, iam_actions, iam_evaluator, lambda_runtime, router, custom_resource, provisioners, stacks),
    *(cloudwatch, dynamodb, ec2, eventbridge, iam, kms, lambda_svc, s3, scheduler, sqs, stepfunctions, sts),
)


def check() -> None:
    """Holds the installed MiniStack to the table.

    Raises:
        WrongMiniStackError: a name is missing or has another form; lists all, with the installed and the wanted version.
    """
    differing = [clause for module in MODULES for clause in module.differing()]
    if differing:
        try:
            installed = importlib.metadata.version("ministack")
        except importlib.metadata.PackageNotFoundError:
            installed = "none"
        raise WrongMiniStackError(
            # in one line, as whoever starts it is shown the last lines of its log
            f"MiniStack {installed} is installed, and {VERSION} is needed; {len(differing)} differ: {'; '.join(differing)}"
        )
