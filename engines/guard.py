"""Runs a command that must not outlive its parent: `python guard.py PIPE_FD COMMAND...`, started by `engines.processes`.

The parent holds the other end of the pipe and never writes to it. However the parent ends, kill -9 included, the system
closes that end; the guard then reads the end of the file and kills its whole process group: itself, the command, and what the
command started. A pipe works on Linux and macOS alike, and for grandchildren, which PR_SET_PDEATHSIG does not reach.
"""

import os
import signal
import subprocess
import sys
import threading


def kill_group_at_end_of(pipe: int) -> None:
    os.read(pipe, 1)
    os.killpg(0, signal.SIGKILL)


def main() -> int:
    pipe, command = int(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(pipe, False)
    threading.Thread(target=kill_group_at_end_of, args=(pipe,), daemon=True).start()
    try:
        child = subprocess.Popen(command)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    for ignored in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ignored, signal.SIG_IGN)
    code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
