"""The walk-through runs from the data to the verdict, on made-up data and on ULB's columns, as it is committed."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import numpy as np
import pandas as pd
import pytest
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

ROOT = Path(__file__).resolve().parent.parent.parent
NOTEBOOK = ROOT / "docs" / "synthetic-fraud.ipynb"


class ThisInterpreter(KernelSpecManager):
    """Knows one kernel: the Python that runs the tests."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name=kernel_name, language="python")


def executed(folder: Path, monkeypatch: pytest.MonkeyPatch, before: str | None = None, **environment: str) -> list[str]:
    """What each cell of code printed, in a small run in `folder`; of those before a heading, if one is named."""
    for name, value in {"FRAUD_WALK_THROUGH": "quick", "PYTHONPATH": str(ROOT), **environment}.items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    if before is not None:
        heading = next(place for place, cell in enumerate(notebook.cells) if cell.source.startswith(before))
        notebook.cells = notebook.cells[:heading]
    client = nbclient.NotebookClient(
        notebook,
        km=AsyncKernelManager(kernel_spec_manager=ThisInterpreter()),
        timeout=240,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    return ["".join(_text(output) for output in cell["outputs"]) for cell in notebook.cells if cell.cell_type == "code"]


def _text(output: Any) -> str:
    if output.output_type == "stream":
        return str(output.text)
    return "".join(str(output.get("data", {}).get(kind, "")) for kind in ("text/plain", "image/png"))


@pytest.mark.slow
def test_it_runs_to_the_verdict_on_made_up_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FRAUD_ULB", raising=False)
    said = executed(tmp_path, monkeypatch)
    out = tmp_path / "out" / "walk-through"
    quality = json.loads((out / "quality.json").read_text())
    assert said[-1].splitlines() == [f"- {sentence}" for sentence in quality["verdict"]["sentences"]]
    assert (out / "report.html").stat().st_size > 10_000
    assert len(pd.read_csv(out / "synthetic.csv")) == quality["rows"]["synthetic"] == quality["rows"]["real_fraud"]
    assert pd.read_parquet(out / "augmented.parquet")["is_fraud"].mean() == pytest.approx(0.05, abs=1e-3)
    assert sum(len(text) > 5_000 for text in said) == 3, "three pictures"


@pytest.mark.slow
def test_it_runs_on_a_table_in_the_columns_of_ulb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draws = np.random.default_rng(1)
    fraud = (np.arange(600) % 30 == 0).astype(int)
    table = pd.DataFrame(draws.normal(size=(600, 28)) + fraud[:, None], columns=[f"V{place}" for place in range(1, 29)])
    table.insert(0, "Time", np.arange(600.0))
    table.assign(Amount=draws.gamma(1, 50, 600).round(2), Class=fraud).to_csv(tmp_path / "creditcard.csv", index=False)
    said = executed(tmp_path, monkeypatch, before="## 5.", FRAUD_ULB=str(tmp_path / "creditcard.csv"))
    assert any("600 rows, 20 of them fraud (3.33%)" in text for text in said)
    assert said[-1] == "11 synthetic frauds added: 5.07% of 611 rows are fraud now\n"


def test_it_is_committed_as_nobody_ran_it() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
        assert cell["metadata"] == {}
    assert notebook["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert not re.findall(r"/(?:home|work|root|tmp|Users|mnt)/", text)
