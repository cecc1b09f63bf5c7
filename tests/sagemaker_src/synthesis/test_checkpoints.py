"""Checkpoints: a fit that is killed goes on as if it had not been."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from sagemaker_src.synthesis.checkpoints import Checkpoints, fingerprint
from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.wgan import WganGenerator

PROGRAM = """
import sys, time
from pathlib import Path
import pandas as pd
from sagemaker_src.synthesis.wgan import WganGenerator

def progress(text, done, total):
    if done == 6:
        print("in the sixth epoch", flush=True)
        time.sleep(600)

generator = WganGenerator(epochs=8, hidden=8, latent=4, batch=16, checkpoint_every=2)
generator.fit(pd.read_parquet(sys.argv[1]), seed=3, progress=progress, work=Path(sys.argv[2]))
"""
FILES = ("weights.npz", "transform.json", "history.json", "snapshots.parquet", "generator.json")


@pytest.mark.slow
def test_a_killed_fit_goes_on_with_the_same_result(tmp_path):
    draws = np.random.default_rng(0)
    rows = pd.DataFrame({"amount": draws.lognormal(3, 1, 60).round(2), "shop": draws.choice(["a", "b"], 60)})
    rows.to_parquet(tmp_path / "rows.parquet")
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "rows.parquet"), str(tmp_path / "killed")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout.readline() == "in the sixth epoch\n"
        os.kill(killed.pid, signal.SIGKILL)
    left = sorted(path.name for path in (tmp_path / "killed").iterdir())
    assert left == ["checkpoint-000002.npz", "checkpoint-000004.npz"]

    done = {"killed": [], "whole": []}
    for work, epochs in done.items():
        generator = WganGenerator(epochs=8, hidden=8, latent=4, batch=16, checkpoint_every=2)
        generator.fit(rows, seed=3, progress=lambda _text, done, _all, to=epochs: to.append(done), work=tmp_path / work)
        generator.save(tmp_path / work / "saved")
    assert done == {"killed": [5, 6, 7, 8], "whole": [1, 2, 3, 4, 5, 6, 7, 8]}

    def digests(work):
        return {name: hashlib.sha256((tmp_path / work / "saved" / name).read_bytes()).hexdigest() for name in FILES}

    assert digests("killed") == digests("whole")
    assert not list(tmp_path.rglob("*.part"))


def test_a_checkpoint_of_another_fit_is_refused(tmp_path):
    tree = [np.zeros(3), (np.ones(2), np.array(4))]
    Checkpoints(tmp_path, "one", tree).write(5, tree, {})
    with pytest.raises(SynthesisError, match="other rows, settings or seed: name an empty folder"):
        Checkpoints(tmp_path, "another", tree).newest()


def test_the_newest_whole_checkpoint_is_taken(tmp_path):
    like = [np.zeros(3), (np.ones(2), np.array(4))]
    checkpoints = Checkpoints(tmp_path, "one", like)
    assert checkpoints.newest() is None
    for epoch in (5, 10, 15):
        checkpoints.write(epoch, [np.full(3, epoch), (np.ones(2), np.array(epoch))], {"history": [epoch]})
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["checkpoint-000010.npz", "checkpoint-000015.npz"]
    (first, (_, count)), told = checkpoints.newest()
    assert (first.tolist(), int(count), told["epoch"], told["history"]) == ([15, 15, 15], 15, 15, [15])

    newest = tmp_path / "checkpoint-000015.npz"
    newest.write_bytes(newest.read_bytes()[:200])
    (tmp_path / "checkpoint-000020.part").write_bytes(b"cut short by a kill")
    assert checkpoints.newest()[1]["epoch"] == 10


def test_a_fit_is_known_by_its_rows_settings_and_seed():
    rows = np.arange(6, dtype=np.float32)
    one = fingerprint({"seed": 1}, [rows], ["0.10"])
    assert one == fingerprint({"seed": 1}, [rows.copy()], ["0.10"])
    others = [
        ({"seed": 2}, rows, "0.10"),
        ({"seed": 1}, rows + 1, "0.10"),
        ({"seed": 1}, rows[:5], "0.10"),
        ({"seed": 1}, rows, "0.11"),
    ]
    assert one not in {fingerprint(told, [array], [version]) for told, array, version in others}
