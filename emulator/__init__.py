"""AWS on this machine: templates, unmodified, on an emulated AWS in local processes, with the real engines.

`process` and `command_line` are used by whoever stands it up. Everything else runs in a process of its own, `hosted.host`, in an
environment of its own: MiniStack behind one address (`hosted.ministack` alone touches it), with the services that it lacks
(SageMaker, Feature Store, Glue, Fraud Detector, MSK, Managed Flink) beside it, the functions as processes of their own, and every
call judged by the policies of the role that makes it. What it must know of the application and of this machine it is told:
`stand_ins`.
"""
