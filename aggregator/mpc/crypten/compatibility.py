"""Imports CrypTen 0.4.1 under torch >= 2.13, where its ONNX converter, which nothing here uses, does not import."""

import importlib
import sys
import types
import warnings
from typing import Any, Final

from protocols.errors import ConfigError

_CONVERTER: Final = "crypten.nn.onnx_converter"
_VERSION: Final = "0.4.1"


def _refuse(*_: object, **__: object) -> None:
    raise NotImplementedError("ONNX is not used here")


def _import() -> Any:
    stub = types.ModuleType(_CONVERTER)
    for name in ("from_onnx", "from_pytorch", "from_tensorflow"):
        setattr(stub, name, _refuse)
    stub.TF_AND_TF2ONNX = False  # type: ignore[attr-defined]
    sys.modules.setdefault(_CONVERTER, stub)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = importlib.import_module("crypten")
    if found.__version__ != _VERSION:
        raise ConfigError(f"got CrypTen {found.__version__}; the hardening is written for {_VERSION}; install that")
    return found


crypten: Final[Any] = _import()
"""The module; what it offers is untyped."""
