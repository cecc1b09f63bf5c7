"""The emulated AWS as a process: `python -m emulator.hosted.host --folder DIR --port N --stand-ins JSON`, in its own environment.

The account's root signs with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of the environment. SIGTERM ends it and all it started;
however it ends, the processes that it started end with it.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from emulator import account
from emulator.hosted import ministack
from emulator.hosted.ministack import names
from emulator.hosted.region import Region
from emulator.stand_ins import StandIns


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="The emulated AWS.")
    parser.add_argument("--folder", type=Path, required=True, help="data, logs and temporary files go below it")
    parser.add_argument("--port", type=int, required=True, help="of the loopback address")
    parser.add_argument("--stand-ins", type=StandIns.from_json, required=True, help="JSON; see emulator.stand_ins")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    temporary = options.folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    admin = {name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    account.set_up(temporary, options.port, admin["AWS_ACCESS_KEY_ID"], admin["AWS_SECRET_ACCESS_KEY"])
    try:
        names.check()  # imports MiniStack, which reads the settings
    except names.WrongMiniStackError as error:
        sys.exit(str(error))
    region = Region(options.folder, f"http://127.0.0.1:{options.port}", admin, options.stand_ins)
    asyncio.run(_serve(region, options.port))


async def _serve(region: Region, port: int) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    try:
        await ministack.serve(port, stopped, region.pages)
    finally:
        await asyncio.to_thread(region.stop)


if __name__ == "__main__":
    main()
