"""The device of a name, and that the CPU is computed on without torch."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lpm_secure.engine.device import device_of
from protocols.errors import ParameterError

ROOT = Path(__file__).parents[4]


def test_devices_have_the_names_of_torch_and_another_is_refused():
    assert device_of("cpu").type == torch.device("cpu").type
    assert device_of("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(ParameterError, match="got device tpu; auto, cpu and cuda are allowed"):
        device_of("tpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_cuda_where_there_is_none_is_refused():
    with pytest.raises(ParameterError, match="torch finds none here"):
        device_of("cuda")


def test_a_run_on_the_cpu_loads_no_torch():
    program = (
        "import sys; import lpm_secure as lpm; import lpm_secure.scenario.execution\n"
        "lpm.load('examples/ward.toml').with_(steps=1).run()\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
