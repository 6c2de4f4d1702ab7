"""Write `lpm_pb2.py` and its types from `lpm.proto`: `python -m protocols.wire.generate [--check]`."""

import sys
import tempfile
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
OUTPUTS: Final = ("lpm_pb2.py", "lpm_pb2.pyi")


def generate(target: Path) -> None:
    """Run the protocol compiler into a folder."""
    from grpc_tools import protoc  # noqa: PLC0415 - a development tool, not installed with the package

    root = FOLDER.parent.parent
    arguments = ["protoc", f"-I{root}", f"--python_out={target}", f"--pyi_out={target}", "protocols/wire/lpm.proto"]
    if protoc.main(arguments) != 0:
        raise SystemExit("protoc failed")


def main() -> None:
    """Generate in place, or with --check compare what is there with what would be generated."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        for name in OUTPUTS:
            new, old = Path(folder, "protocols/wire", name).read_text(), FOLDER / name
            if "--check" not in sys.argv:
                old.write_text(new)
            elif old.read_text() != new:
                raise SystemExit(f"{old} is not what lpm.proto says; run python -m protocols.wire.generate")


if __name__ == "__main__":
    main()
