#!/usr/bin/env python3
"""Get Nextflow into `.venv`: the user's own where new enough, else the copy that `jgo.lock.toml` pins.

`install` leaves a Nextflow on PATH alone if it is 25.04 or newer. Otherwise it fetches each jar of the lock
from Maven Central through jgo, refuses any whose SHA-256 is not the lock's, and writes `.venv/bin/nextflow`.
`lock` resolves `jgo.toml` anew and writes `jgo.lock.toml`: coordinates and hashes, no address, no time.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from https import explain, is_about_certificates, trust_the_system

HERE = Path(__file__).resolve().parent
LOCK = HERE / "jgo.lock.toml"
VENV = HERE.parent / ".venv"
OLDEST = (25, 4)
TRIES = 3


class SetupError(Exception):
    """Set-up cannot go on; the message is for the user."""


@dataclass(frozen=True)
class Jar:
    """One locked artifact: Maven coordinates and the SHA-256 of its file."""

    group: str
    artifact: str
    version: str
    packaging: str
    classifier: str
    sha256: str

    @property
    def name(self) -> str:
        """File name in a Maven repository."""
        classifier = f"-{self.classifier}" if self.classifier else ""
        return f"{self.artifact}-{self.version}{classifier}.{self.packaging}"


def version_of(program: Path) -> tuple[int, ...] | None:
    """Version a Nextflow says it is, None where it does not run here. It is not let download anything."""
    environment = {**os.environ, "NXF_OFFLINE": "true", "NXF_ANSI_LOG": "false"}
    try:
        said = subprocess.run(
            [str(program), "-version"],
            capture_output=True,
            text=True,
            timeout=90,
            env=environment,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"version\s+(\d+)\.(\d+)\.(\d+)", said.stdout)
    return tuple(int(part) for part in found.groups()) if found else None


def on_path(ours: Path) -> tuple[Path, tuple[int, ...]] | None:
    """First Nextflow on PATH that is not ours and is new enough."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        program = Path(folder or ".") / "nextflow"
        if program.is_file() and os.access(program, os.X_OK) and program.resolve() != ours.resolve():
            version = version_of(program)
            if version is not None and version >= OLDEST:
                return program, version
            shown = "does not start here" if version is None else f"is {'.'.join(map(str, version))}"
            print(f"[set-up] {program} {shown}; 25.04 or newer is needed", flush=True)
    return None


def read_lock(path: Path) -> list[Jar]:
    """All jars of the lock, in its order."""
    from jgo.env import LockFile

    jars = [
        Jar(d.groupId, d.artifactId, d.version, d.packaging, d.classifier or "", d.sha256 or "")
        for d in LockFile.load(path).dependencies
    ]
    unhashed = [jar.name for jar in jars if len(jar.sha256) != 64]
    if not jars or unhashed:
        raise SetupError(f"{path}: no hash for {', '.join(unhashed) or 'anything'}; run 'make lock'")
    return jars


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fetch(jar: Jar, cache: Path, target: Path) -> None:
    """Put a jar into `target`, from the user's Maven folder if its hash is right, else from Maven Central.

    Raises SetupError if it cannot be had or is not what the lock says.
    """
    from jgo.constants import MAVEN_CENTRAL_URL, default_maven_repo
    from jgo.maven import MavenContext

    own = default_maven_repo() / jar.group.replace(".", "/") / jar.artifact / jar.version / jar.name
    if own.is_file() and digest(own) == jar.sha256:
        shutil.copyfile(own, target / jar.name)
        return
    context = MavenContext(repo_cache=cache, local_repos=[], timeout=60)
    component = context.project(jar.group, jar.artifact).at_version(jar.version)
    artifact = component.artifact(classifier=jar.classifier, packaging=jar.packaging)
    for attempt in range(1, TRIES + 1):
        try:
            file = artifact.resolve()
            break
        except Exception as error:
            # jgo lets the errors of requests through, and would take a half-written file for the whole.
            if artifact.cached_path is not None:
                artifact.cached_path.unlink(missing_ok=True)
            if attempt == TRIES or is_about_certificates(error):
                raise SetupError(
                    f"{jar.name} could not be fetched: {explain(error, MAVEN_CENTRAL_URL)}"
                ) from error
            time.sleep(2**attempt)
    if digest(file) != jar.sha256:
        raise SetupError(f"{jar.name}: SHA-256 is {digest(file)}, the lock says {jar.sha256}; not installed")
    shutil.move(file, target / jar.name)


def install(venv: Path) -> None:
    """Make `nextflow` available in `venv`; keeps a good one that is on PATH already."""
    ours = venv / "bin" / "nextflow"
    found = on_path(ours)
    if found is not None:
        ours.unlink(missing_ok=True)
        print(f"[set-up] using {found[0]} {'.'.join(map(str, found[1]))}", flush=True)
        return
    trust_the_system()
    jars = read_lock(LOCK)
    print(f"[set-up] getting the pinned Nextflow ({len(jars)} jars)", flush=True)
    share = venv / "share"
    share.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=share) as work:
        fresh, cache = Path(work) / "nextflow", Path(work) / "cache"
        fresh.mkdir()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda jar: fetch(jar, cache, fresh), jars))
        shutil.rmtree(share / "nextflow", ignore_errors=True)
        fresh.rename(share / "nextflow")
    ours.unlink(missing_ok=True)
    shutil.copyfile(HERE / "launcher.sh", ours)
    ours.chmod(0o755)
    if version_of(ours) is None:
        raise SetupError(f"{ours} was installed but does not start; run '{ours} -version' to see why")


def lock() -> None:
    """Resolve `jgo.toml` and write `jgo.lock.toml`."""
    from jgo.env import LockFile

    with tempfile.TemporaryDirectory() as work:
        shutil.copyfile(HERE / "jgo.toml", Path(work) / "jgo.toml")
        trust_the_system()  # for this process; its child is told in its first words
        jgo = "import truststore; truststore.inject_into_ssl(); from jgo.__main__ import main; main()"
        subprocess.run([sys.executable, "-c", jgo, "--resolver", "python", "sync"], cwd=work, check=True)
        resolved = LockFile.load(Path(work) / "env" / "jgo.lock.toml")
    lines = ["# Written by `make lock` from jgo.toml. Each jar of the pinned Nextflow, with its SHA-256."]
    for d in sorted(
        resolved.dependencies, key=lambda d: (d.groupId, d.artifactId, d.version, d.classifier or "")
    ):
        lines += ["", "[[dependencies]]"]
        fields = ("groupId", "artifactId", "version", "packaging", "classifier", "sha256")
        lines += [f'{field} = "{getattr(d, field)}"' for field in fields if getattr(d, field)]
    LOCK.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{LOCK.name}: {len(resolved.dependencies)} jars")


def main() -> int:
    """Command line: `install` or `lock`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["install", "lock"])
    parser.add_argument("--venv", type=Path, default=VENV)
    arguments = parser.parse_args()
    try:
        install(arguments.venv) if arguments.command == "install" else lock()
    except SetupError as error:
        print(f"[set-up] {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
