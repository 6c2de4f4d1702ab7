"""Build what is released, install it where nothing else is, and try it there.

python -m tests.distributions FOLDER     wheels and sdist into FOLDER; a line for each; exit code 1 where one is wrong

The whole makes a project's kits, and the client's alone is what a hospital types in its own: keys, doctor, manifest.

lpm-secure is all of it; lpm-secure-client is `client_sdk` and `protocols` alone, for machines that hold people's data.
Their files are the same, so an environment has one of the two.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[1]
WHOLE, CLIENT = "lpm-secure", "lpm-secure-client"
PACKAGES = {WHOLE: ("protocols", "client_sdk", "aggregator", "lpm_secure"), CLIENT: ("protocols", "client_sdk")}
KITS = "winter/kits"
SERVERS, CLIENTS = ("agg-a", "agg-b", "dealer-c"), ("st-mary", "st-john", "st-anne")
TRIED = (  # in one folder: with which distribution, what is typed, and what must be said of what is wrong, if anything
    (WHOLE, "-m lpm_secure.cli --version", ""),
    (WHOLE, "-m lpm_secure.cli new-model rumour", ""),
    (WHOLE, "-m lpm_secure.cli run rumour/run.toml --clear", ""),
    (WHOLE, "-m client_sdk --help", ""),
    (WHOLE, "-m lpm_secure.cli project init winter", ""),
    (WHOLE, f"-m lpm_secure.cli project kit winter/project.toml --out {KITS}", ""),
    *((WHOLE, f"-m aggregator enrol {KITS}/{name}", "") for name in SERVERS),
    (CLIENT, "-m client_sdk.institution --help", ""),
    *((CLIENT, f"-m client_sdk enrol {KITS}/{name}", "") for name in CLIENTS),
    (WHOLE, "-m lpm_secure.cli project admit winter/project.toml --out winter/answers", ""),
    (CLIENT, "-m client_sdk manifest show winter/answers/st-mary/manifest.json", ""),
    (CLIENT, "-m client_sdk manifest verify winter/answers/st-mary/manifest.json --operator-key KEY", ""),
    (CLIENT, f"-m client_sdk doctor {KITS}/st-mary", "st-mary.enrolled is not there; hand st-mary.request to"),
)
LARGEST_MB = 100  # of a client's environment, without pip and compiled bytecode


def main(folder: Path) -> int:
    """Build, install, try."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        sdist = build("sdist", export(scratch / "tree"), folder)
        with tarfile.open(sdist) as archive:
            archive.extractall(scratch / "sdist", filter="data")
        [tree] = (scratch / "sdist").iterdir()
        wheels = {
            WHOLE: build("wheel", tree, folder),
            CLIENT: build("wheel", client_tree(tree, scratch / CLIENT), folder),
        }
        pythons = {WHOLE: install_beside(wheels[WHOLE], scratch), CLIENT: install_alone(wheels[CLIENT], scratch)}
        wrong = [line for name, wheel in wheels.items() for line in compare(name, wheel)]
        wrong += attempt(pythons, scratch / "tried")
        size_mb = megabytes(pythons[CLIENT].parents[1])
    print(f"{sdist.name}: {sdist.stat().st_size / 1e6:.1f} MB")
    for wheel in wheels.values():
        print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB")
    print(f"a client's environment: {size_mb:.0f} MB, {LARGEST_MB} allowed")
    wrong += [f"a client's environment has {size_mb:.0f} MB"] * (size_mb > LARGEST_MB)
    print("\n".join(wrong or ["all of them install, and run"]))
    return int(bool(wrong))


def tracked() -> list[str]:
    """Return the files that git knows and that are there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).exists()]


def export(target: Path) -> Path:
    """Copy what git knows: nothing that lies about is released."""
    for name in tracked():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target / name)
    return target


def client_tree(tree: Path, target: Path) -> Path:
    """Copy what the smaller distribution has of a tree, with a project file that says so."""
    for name in PACKAGES[CLIENT]:
        shutil.copytree(tree / name, target / name)
    for name in ("LICENSE", "README.md"):
        shutil.copyfile(tree / name, target / name)
    given = tomllib.loads((tree / "pyproject.toml").read_text())
    project = given["project"]
    kept = ("version", "readme", "requires-python", "license", "license-files", "dependencies")
    changed = {"name": CLIENT, "description": "Clients of lpm-secure: people's data stay where they are"}
    extras = {"optional-dependencies": {"fast": project["optional-dependencies"]["fast"]}}
    setuptools = {
        "packages": {"find": {"include": [f"{name}*" for name in PACKAGES[CLIENT]]}},
        "package-data": given["tool"]["setuptools"]["package-data"],
    }
    content = {
        "build-system": given["build-system"],
        "project": changed | {name: project[name] for name in kept} | extras,
        "tool": {"setuptools": setuptools},
    }
    (target / "pyproject.toml").write_bytes(msgspec.toml.encode(content))
    return target


def build(kind: str, tree: Path, folder: Path) -> Path:
    """Build a distribution, "sdist" or "wheel", and return its file."""
    code = f"import sys; from setuptools import build_meta; print(build_meta.build_{kind}(sys.argv[1]))"
    done = run([sys.executable, "-c", code, str(folder.resolve())], tree)
    return folder / done.splitlines()[-1]


def environment(folder: Path) -> Path:
    """Make an environment, and return its interpreter."""
    run([sys.executable, "-m", "venv", str(folder)], folder.parent)
    return folder / "bin" / "python"


def install_beside(wheel: Path, scratch: Path) -> Path:
    """Install a wheel into an environment that sees, of this one, what it depends on and not the project itself."""
    python = environment(scratch / "whole-environment")
    run([python, "-m", "pip", "install", "-q", "--no-deps", str(wheel.resolve())], scratch)
    place = run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], scratch).strip()
    (Path(place) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def install_alone(wheel: Path, scratch: Path) -> Path:
    """Install a wheel and whatever it asks for into an environment of its own."""
    python = environment(scratch / "client-environment")
    quiet = ("-q", "--disable-pip-version-check", "--no-compile")
    run([python, "-m", "pip", "install", *quiet, str(wheel.resolve())], scratch)
    return python


def compare(name: str, wheel: Path) -> list[str]:
    """Say which of the packages' files a wheel lacks, and which it has too many."""
    with zipfile.ZipFile(wheel) as archive:
        packed = {each for each in archive.namelist() if ".dist-info/" not in each}
    packages = PACKAGES[name]
    known = {each for each in tracked() if each.split("/")[0] in packages}
    return [f"{wheel.name}: {each} is in one of wheel and tree" for each in sorted(packed ^ known)]


def attempt(pythons: dict[str, Path], folder: Path) -> list[str]:
    """Run what must work, in an empty folder, carry requests to the run's operator, and say what does not."""
    wrong, requests = [], folder / "winter" / "requests"
    folder.mkdir()
    for name, command, said in TRIED:
        for request in folder.glob(f"{KITS}/*/*.request"):
            requests.mkdir(exist_ok=True)
            shutil.copy(request, requests)
        kit = folder / KITS / "st-mary" / "kit.toml"
        key = tomllib.loads(kit.read_text())["operator_key"] if kit.exists() else ""
        done = subprocess.run([pythons[name], *command.replace("KEY", key).split()], **quietly(folder))
        if done.returncode != (2 if said else 0) or said not in done.stderr:
            wrong.append(f"{name}: python {command} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return wrong


def run(command: list, folder: Path) -> str:
    """Run a command that must succeed, and return what it printed."""
    done = subprocess.run(command, **quietly(folder))
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def quietly(folder: Path) -> dict:
    """Return how a command is run: from a folder, and with no module but what its interpreter has."""
    given = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return {"cwd": folder, "capture_output": True, "text": True, "env": given}


def megabytes(environment: Path) -> float:
    """Return the size of what an environment has beside pip and bytecode."""
    skipped = {"pip", "__pycache__", "setuptools"}
    files = [each for each in environment.rglob("*") if each.is_file() and not each.is_symlink()]
    return sum(each.stat().st_size for each in files if not skipped & set(each.parts)) / 1e6


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "dist")))
