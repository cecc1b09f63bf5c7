#!/usr/bin/env bash
# Says, in a sentence each, what this machine lacks and how to install it. Usage: prerequisites.sh PYTHON
set -u
python=${1:-python3}
missing=0
lack() { echo "setup: $1" >&2; missing=1; }

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
  lack "Python 3.11 or newer is needed ('$python' is not): install it from your system's packages (apt-get install python3 python3-venv, or brew install python@3.12) and name it with 'make PYTHON=python3.12 ...'."
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
  lack "Python's venv module is needed: apt-get install python3-venv."
java_major=$(java -version 2>&1 | sed -nE 's/.*version "([0-9]+).*/\1/p' | head -n 1)
[ "${java_major:-0}" -ge 17 ] ||
  lack "Java 17 or newer is needed (found: ${java_major:-none}): apt-get install openjdk-17-jre-headless, or brew install openjdk@17."
command -v mvn >/dev/null ||
  lack "Maven is needed to fetch Kafka and Flink's connector: apt-get install maven, or brew install maven."
exit $missing
