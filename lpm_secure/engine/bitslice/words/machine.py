"""Machine code of a module of LLVM, for the processor that this process runs on."""

import ctypes
from collections.abc import Sequence
from typing import Any, Final, final

import llvmlite.binding as llvm

LEVEL: Final = 2  # of optimisation


@final
class Machine:
    """A module, compiled; its functions take a range of numbers and an array of pointers.

    Security: the code is generated in this process, from a graph that has been checked, and is kept in memory alone.
    """

    def __init__(self, module: Any) -> None:
        """Compile."""
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        features = llvm.get_host_cpu_features().flatten()
        machine = llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=f"{features},-prefer-256-bit", opt=LEVEL
        )
        parsed = llvm.parse_assembly(str(module))
        parsed.verify()
        options = llvm.create_pipeline_tuning_options(speed_level=LEVEL)
        passes = llvm.create_pass_builder(machine, options)
        passes.getModulePassManager().run(parsed, passes)
        self._engine = llvm.create_mcjit_compiler(parsed, machine)
        self._engine.finalize_object()

    def call(self, name: str, span: tuple[int, int], pointers: Sequence[int]) -> None:
        """Call a function for the numbers span[0] to span[1] - 1; other threads run meanwhile."""
        kind = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
        array = (ctypes.c_void_p * len(pointers))(*pointers)
        kind(self._engine.get_function_address(name))(*span, ctypes.addressof(array))
