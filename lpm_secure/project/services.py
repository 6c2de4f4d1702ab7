"""What starts a kit: a script, a unit of systemd, and files for containers."""

from pathlib import Path
from typing import Final

from protocols.atomic_file import write_atomically
from protocols.file_mode import PUBLIC_MODE

SCRIPT_MODE: Final = 0o755
SCRIPT: Final = """\
#!/bin/sh
# Checks this kit, waits for the others, and takes part. LPM_PYTHON may name the interpreter.
exec "${{LPM_PYTHON:-python3}}" -m {module} start "$(dirname "$0")"
"""
UNIT: Final = """\
# Put the kit into /srv/lpm/{name}, owned by a user lpm that owns nothing else, and this file into
# /etc/systemd/system. `systemd-analyze verify` has checked its form.
[Unit]
Description=lpm-secure: {name}
Wants=network-online.target
After=network-online.target time-sync.target

[Service]
Type=exec
User=lpm
WorkingDirectory=/srv/lpm/{name}
ExecStart=/bin/sh /srv/lpm/{name}/start
Restart={restart}
RestartSec=5
RestartPreventExitStatus=2 3
{environment}UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ReadWritePaths=/srv/lpm/{name}
ProtectHome=yes
PrivateTmp=yes
PrivateDevices={private}
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""
DOCKERFILE: Final = """\
# NOT BUILT by those who made this kit, nor by any test: a beginning for your own.
# Build it in the source of lpm-secure: docker build -f KIT/Dockerfile -t lpm-secure .
FROM python:3.11-slim
COPY . /src
RUN pip install --no-cache-dir {package} && useradd --uid 1000 lpm
USER lpm
ENTRYPOINT ["python", "-m", "{module}"]
CMD ["start", "/kit"]
"""
COMPOSE: Final = """\
# NOT STARTED by those who made this kit, nor by any test; the Dockerfile beside it says how to build the image.
services:
  {name}:
    image: lpm-secure
    network_mode: host  # the addresses of the manifest are this machine's
    volumes: ["./:/kit"]
    read_only: true
    tmpfs: ["/tmp"]
    cap_drop: ["ALL"]
    security_opt: ["no-new-privileges:true"]
    restart: "no"
"""
PACKAGES: Final = {"client_sdk": "/src", "aggregator": "'/src[aggregator]'", "lpm_secure.cli": "'/src[all]'"}
CACHE: Final = "Environment=NUMBA_CACHE_DIR=/srv/lpm/{name}/cache\n"  # what its own people's loops are compiled into


def write(folder: Path, name: str, module: str) -> None:
    """Write what starts a kit.

    Args:
        folder: of the kit.
        name: of the party.
        module: that it runs; `python -m MODULE start KIT`.
    """
    computes = module == "lpm_secure.cli"  # the engine, which may have a GPU
    words = {"name": name, "module": module, "package": PACKAGES[module], "private": "no" if computes else "yes"}
    words |= {"environment": CACHE.format(name=name) if computes else ""}
    restart = "no" if module == "client_sdk" else "on-failure"
    write_atomically(folder / "start", SCRIPT.format(**words).encode(), mode=SCRIPT_MODE)
    files = {f"lpm-{name}.service": UNIT, "Dockerfile": DOCKERFILE, "compose.yml": COMPOSE}
    for file, text in files.items():
        write_atomically(folder / file, text.format(**words, restart=restart).encode(), mode=PUBLIC_MODE)
