"""The licence of everything that this application is built of, run with or deployed with: writes `docs/licences.md`.

python -m tools.licences
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import NamedTuple

from stacks.assets import stream_code

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "licences.md"
ENVIRONMENTS = (".venv", ".venv-engines", ".venv-aws", ".venv-serving")
LOCAL = {
    "requirements.txt": "application, tests",
    "requirements/engines.txt": "Flink and Spark on this machine",
    "requirements/emulator.txt": "the emulated AWS",
    "requirements/serving.txt": "the model's server on this machine",
    "requirements/installer.txt": "installing",
}
DEPLOYED = {
    "requirements/functions.txt": "functions",
    "requirements/functions-kafka.txt": "functions",
    "requirements/functions-parquet.txt": "functions",
    "requirements/jobs.txt": "nightly job",
    "requirements/glue.txt": "transform job",
    "requirements/synthesis.txt": "synthetic-fraud jobs",
    "requirements/notebook.txt": "notebook instance",
}
"""{list of requirements: where they run}."""
JARS = {
    "kafka": ("Kafka on this machine", False),
    "spark": ("Glue's jobs on this machine", False),
    "flink": ("stream job", True),
}
"""{folder of jars: (where they run, whether they are deployed)}."""

PERMISSIVE = frozenset(
    {
        *("0BSD", "AFL-2.1", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "BSD-3-Clause-Clear", "CC0-1.0"),
        *("Apache-2.0 WITH LLVM-exception", "CNRI-Python", "ISC"),
        *("MIT", "MIT-0", "MIT-CMU", "PSF-2.0", "Public-Domain", "Unlicense", "ZPL-2.1", "Zlib"),
    }
)
"""What goes with Apache-2.0 wherever it is."""
WEAK_COPYLEFT = frozenset({"MPL-2.0", "LGPL-2.1", "EPL-2.0", "CDDL-1.0", "GPL-2.0-with-classpath-exception"})
"""What may be used unchanged beside our code, on a developer's machine: no part of it is deployed."""
LOCAL_ONLY = {
    "nvidia-nccl-cu12": "NVIDIA's own terms. xgboost asks for it on Linux; it is loaded on a machine with NVIDIA's GPUs alone, "
    "never here. The model's container in AWS brings its own.",
}
"""{package with another licence that is not deployed: what it is}."""
DEPLOYED_UNCHANGED = frozenset({"tqdm"})
"""Packages under weak copyleft that are deployed as their makers publish them; `TO_KNOW` says why."""

TO_KNOW = {
    "anonymeter": "The Clear BSD licence grants no patent rights, and its makers have applied for a patent on the method "
    "(US-20230401336-A1). It attacks synthetic rows (`fraud synthesize evaluate`, the jobs of the stack Synthesis) and touches "
    "no payment. Have your counsel look at it before production, or deploy without the stack: `synthesis=false`.",
    "sdmetrics": "It asks for copulas, which is under the Business Source License and is not installed "
    "(`requirements/app-overrides.txt`). The one measure that would need it is not used.",
    "tqdm": "Its code is under MPL-2.0 and MIT; sdmetrics asks for it. The jobs of the stack Synthesis bring it as its makers "
    "publish it, which the MPL allows beside code under any licence; whoever changes its files must publish those files.",
}
"""{package that may be used: what a bank should know of it all the same}."""

_NAMES = {
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "BSD License": "BSD-3-Clause",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "ISC License (ISCL)": "ISC",
    "The Apache Software License, Version 2.0": "Apache-2.0",
    "The Apache License, Version 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "The MIT License": "MIT",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "BSD 2-Clause License": "BSD-2-Clause",
}
"""{a name as metadata have it: SPDX's}."""
STATED = {
    "anonymeter": "BSD-3-Clause-Clear",  # its classifier says BSD alone
    "appnope": "BSD-2-Clause",  # for macOS
    "async-timeout": "Apache-2.0",  # for older Pythons
    **dict.fromkeys((f"aws-java-sdk-{part}" for part in ("core", "dynamodb", "kms", "s3", "sts")), "Apache-2.0"),
    "aws-msk-iam-auth": "Apache-2.0",
    "lz4-java": "Apache-2.0",
    "metrics-core": "Apache-2.0",
    "paranamer": "BSD-3-Clause",
    "pcollections": "MIT",
    "scala-collection-compat_2.13": "Apache-2.0",
    "slf4j-api": "MIT",
    "slf4j-simple": "MIT",
    "stream-functions": "Apache-2.0",  # our own
    "xgboost-cpu": "Apache-2.0",  # not installed here: xgboost without the libraries for accelerators
    "zookeeper": "Apache-2.0",
    "zookeeper-jute": "Apache-2.0",
    "zstd-jni": "BSD-2-Clause",
}
"""{package that is not installed here, or whose jar leaves it to a parent's pom: what that says}."""
PARENTS = {
    "software.amazon": "Apache-2.0",
    "io.netty": "Apache-2.0",
    "org.apache": "Apache-2.0",
    "org.slf4j": "MIT",
    "com.fasterxml.jackson": "Apache-2.0",
    "commons-": "Apache-2.0",
    "org.jctools": "Apache-2.0",
}
"""{beginning of a group of jars within the stream job's: what their parents' poms say}."""


class Licence(NamedTuple):
    """Of one package: its name, SPDX's expression, where it runs, and whether it is deployed."""

    name: str
    licence: str
    where: str
    deployed: bool


def plain(name: str) -> str:
    """A package's name as all lists have it.

    >>> plain("Typing_Extensions")
    'typing-extensions'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def required(file: str) -> list[str]:
    """The names in a list of requirements."""
    return [plain(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / file).read_text(), re.MULTILINE)]


def allowed(row: Licence) -> bool:
    """Whether a package's licence goes with Apache-2.0 where it is used; of several to choose from, one that does suffices.

    >>> allowed(Licence("a", "LGPL-2.1", "", False)), allowed(Licence("a", "LGPL-2.1", "", True))
    (True, False)
    >>> allowed(Licence("a", "MPL-2.0 AND (GPL-3.0 OR MIT)", "", False)), allowed(Licence("a", "GPL-3.0", "", False))
    (True, False)
    """
    known = PERMISSIVE if row.deployed else PERMISSIVE | WEAK_COPYLEFT
    if not row.deployed and row.name in LOCAL_ONLY:
        return True
    if row.name in DEPLOYED_UNCHANGED:
        known = PERMISSIVE | WEAK_COPYLEFT
    parts = re.split(r" AND ", row.licence.replace("(", "").replace(")", ""))
    return all(any(choice.strip() in known for choice in part.split(" OR ")) for part in parts)


def licence_of(found: Distribution) -> str:
    """What a package's metadata say."""
    data = found.metadata
    if data["License-Expression"]:
        return str(data["License-Expression"])
    classes = [text.rpartition(":: ")[2] for text in data.get_all("Classifier") or [] if text.startswith("License ::")]
    named = [_NAMES[each] for each in classes if each in _NAMES]
    if named:
        return " OR ".join(dict.fromkeys(named))
    said = str(data["License"] or "").strip()
    return _NAMES.get(said, said if "\n" not in said and len(said) < 40 else "")


def _installed() -> dict[str, str]:
    found: dict[str, str] = {}
    for environment in ENVIRONMENTS:
        folders = [str(folder) for folder in (ROOT / environment).glob("lib/python3*/site-packages")]
        for each in distributions(path=folders):
            found.setdefault(plain(each.metadata["Name"]), licence_of(each))
    return found


def _python() -> Iterator[Licence]:
    installed = _installed()
    for lists, deployed in ((LOCAL, False), (DEPLOYED, True)):
        for file, where in lists.items():
            for name in required(file):
                yield Licence(name, STATED.get(name) or installed.get(name, ""), where, deployed)


def jar_licence(jar: Path) -> str:
    """What a jar's own pom or manifest says of its licence; "" if neither says it.

    A pom that leaves it to its parent says nothing.
    """
    with zipfile.ZipFile(jar) as opened:
        names = opened.namelist()
        texts = [opened.read(name).decode(errors="replace") for name in names if name.endswith("/pom.xml")]
        manifest = (
            opened.read("META-INF/MANIFEST.MF").decode(errors="replace") if "META-INF/MANIFEST.MF" in names else ""
        )
        files = [name for name in names if re.fullmatch(r"(META-INF/)?LICEN[CS]E(\.txt)?", name)]
        legal = " ".join(opened.read(name).decode(errors="replace")[:400] for name in files)
    if len(texts) == 1:
        found = re.findall(r"<license>.*?<name>(.*?)</name>", texts[0], re.DOTALL)
        if found:
            return " OR ".join(_NAMES.get(each.strip(), each.strip()) for each in found)
    apache = re.compile(r"apache\.org/licenses/LICENSE-2\.0|Apache License\s+Version 2\.0")
    said = re.search(r"^Bundle-License: *(.*(?:\n .*)*)", manifest, re.MULTILINE)
    if apache.search(said[1].replace("\n ", "") if said else "") or apache.search(legal):
        return "Apache-2.0"
    return ""


def _jars() -> Iterator[Licence]:
    for folder, (where, deployed) in JARS.items():
        for jar in sorted((ROOT / ".jars" / folder).glob("*.jar")):
            name = re.sub(r"-\d[\w.-]*\.jar$", "", jar.name)
            yield Licence(name, STATED.get(name) or jar_licence(jar), where, deployed)


def _within_the_stream_job() -> Iterator[Licence]:
    """What Maven has put into the job's one jar, by the poms in it."""
    where, deployed = JARS["flink"]
    with zipfile.ZipFile(stream_code() / "lib" / "stream-features.jar") as opened:
        for name in opened.namelist():
            found = re.fullmatch(r"META-INF/maven/([^/]+)/([^/]+)/pom\.xml", name)
            if found and found[1] != "card-fraud-detection":
                said = [licence for group, licence in PARENTS.items() if found[1].startswith(group)]
                yield Licence(found[2], said[0] if said else "", where, deployed)
    yield Licence("aws-msk-iam-auth", STATED["aws-msk-iam-auth"], where, deployed)


def _node() -> Iterator[Licence]:
    lock = json.loads((ROOT / "package-lock.json").read_text())
    for path, package in lock["packages"].items():
        if path:
            yield Licence(path.rpartition("node_modules/")[2], package["license"], "deploying, tests", False)


def rows() -> list[Licence]:
    """Every package once for each place where it is used."""
    found = {*_python(), *_jars(), *_within_the_stream_job(), *_node()}
    return sorted(found, key=lambda row: (not row.deployed, row.name, row.where))


def page(found: list[Licence]) -> str:
    """The page: what is deployed, then what stays on a developer's machine."""
    parts = [
        "# Licences of what this is built of",
        "",
        "Made by `python -m tools.licences` from the packages' own metadata, the jars' poms and manifests, and the lock of",
        "Node.js's packages. What is deployed is permissive, but for what the last section names; what runs on a developer's",
        "machine or in tests may also be weak copyleft, used unchanged.",
    ]
    for title, deployed in (("Deployed", True), ("On this machine alone", False)):
        parts += ["", f"## {title}", "", "| package | licence | where |", "| --- | --- | --- |"]
        places: dict[tuple[str, str], list[str]] = {}
        for row in found:
            if row.deployed is deployed:
                places.setdefault((row.name, row.licence), []).append(row.where)
        parts += [f"| {name} | {licence} | {', '.join(where)} |" for (name, licence), where in places.items()]
    parts += ["", "## What is neither, and why it may stay", ""]
    parts += [f"- `{name}`: {says} It is not deployed." for name, says in LOCAL_ONLY.items()]
    parts += ["", "## What to know before production", ""]
    parts += [f"- `{name}`: {says}" for name, says in TO_KNOW.items()]
    return "\n".join(parts) + "\n"


def main() -> int:
    """Writes the page; names what has no licence, or one that is not allowed."""
    found = rows()
    wrong = [row for row in found if not allowed(row)]
    for row in wrong:
        known = PERMISSIVE if row.deployed else PERMISSIVE | WEAK_COPYLEFT
        print(f"{row.name} ({row.where}): licence {row.licence or 'not found'}; allowed: {', '.join(sorted(known))}")
    PAGE.write_text(page(found), encoding="utf-8")
    print(f"wrote {PAGE}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
