"""AWS on this machine: the synthesized templates, unmodified, on an emulated AWS in local processes, with the real engines.

`host` is the AWS side, a process in the emulator's environment: MiniStack behind one address, with the services that it lacks
(SageMaker, Feature Store, MSK, Managed Flink) beside it, the functions as processes of their own, and every call judged by the
policies of the role that makes it. `deployment` is the side of `cdk deploy`: it brings a `cdk.out` folder there.
"""
