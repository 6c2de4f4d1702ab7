"""The notebooks of the examples, and the README's first cells, run to their end, in a kernel as Jupyter has it."""

import json
import shutil
import tempfile
from pathlib import Path

import nbformat
import pytest
from jupyter_client import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient import NotebookClient

from tests.page_blocks import blocks_of

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
NOTEBOOKS = sorted(path.stem for path in (EXAMPLES / "notebooks").glob("*.ipynb"))
LONG = ("private",)  # the demo, which takes a dozen seconds of both cores
PLOT, PAGE = "application/vnd.plotly.v1+json", "text/html"


@pytest.fixture(scope="module")
def kernel():
    """Return what runs cells: one for all notebooks, as the import of what computes takes longer than they do."""
    with tempfile.TemporaryDirectory(prefix="lpm-") as folder, pytest.MonkeyPatch.context() as environment:
        shutil.copytree(EXAMPLES / "ward", Path(folder, "ward"))
        shutil.copy(EXAMPLES / "workplace.toml", folder)
        Path(folder, "notebooks").mkdir()
        environment.setenv("IPYTHONDIR", folder)
        environment.setenv("PLOTLY_RENDERER", "plotly_mimetype")
        manager = AsyncKernelManager(
            kernel_name="python3", transport="ipc", connection_file=str(Path(folder, "kernel.json"))
        )
        run_sync(manager.start_kernel)(cwd=str(Path(folder, "notebooks")))
        try:
            yield manager
        finally:
            run_sync(manager.shutdown_kernel)(now=True)


def execute(kernel, notebook):
    """Run a notebook in a kernel that has forgotten the names of the one before, and return it with its outputs."""
    nbformat.validate(notebook)
    notebook.cells.insert(0, nbformat.v4.new_code_cell("%reset -f"))
    client = NotebookClient(notebook, km=kernel, timeout=240)
    try:
        client.execute()
    finally:
        client.kc.stop_channels()
    return notebook


def outputs_of(notebook, kind):
    """Return what its cells show in one of the forms that a page takes."""
    shown = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", ())]
    return [data[kind] for data in shown if kind in data]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in NOTEBOOKS]
)
def test_a_notebook_runs_to_its_end_and_draws_bands_of_its_seeds(kernel, name):
    notebook = execute(kernel, nbformat.read(EXAMPLES / "notebooks" / f"{name}.ipynb", as_version=4))
    plots = outputs_of(notebook, PLOT)
    assert plots
    many_seeds = name not in LONG
    assert all(any(trace.get("fill") == "tonexty" for trace in plot["data"]) == many_seeds for plot in plots)
    assert any("at the end" in page for page in outputs_of(notebook, PAGE))


def test_the_first_cells_of_the_readme_show_bands_and_compare(kernel):
    text = blocks_of("README.md", "python")[0].text
    assert len([line for line in text.splitlines() if line.strip()]) <= 12
    lines = text.replace("seeds=20", "seeds=2").splitlines()
    cells = [line.partition("  #")[0] for line in lines if line]  # one each, for a cell shows its last line alone
    cells.append("assert both.difference('masks', 'private_R').values.shape == (2, 61)")
    notebook = execute(kernel, nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells))))
    bands = [any(trace.get("fill") == "tonexty" for trace in plot["data"]) for plot in outputs_of(notebook, PLOT)]
    assert bands == [True, True]  # of the result, and of both


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_kept_without_what_it_printed(name):
    cells = json.loads((EXAMPLES / "notebooks" / f"{name}.ipynb").read_text())["cells"]
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells if "outputs" in cell)
