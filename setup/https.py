#!/usr/bin/env python3
"""HTTPS as hospitals have it: through a proxy that signs every certificate anew with its own authority.

What the system trusts is trusted here, and what SSL_CERT_FILE, REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE name.
A fetch that fails nevertheless is told in a few words, with what helps.

`https.py FILE` writes the certificates that pip is to trust, and prints the file's path, where pip does not
ask the system itself (before 24.2) and no setting of the user's names a file. `https.py remedy`: what helps.
"""

from __future__ import annotations

import contextlib
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

REMEDY = (
    "Usually a proxy re-signs TLS: install its CA certificate into the system's trust, or name the PEM file"
    " that holds it with SSL_CERT_FILE or REQUESTS_CA_BUNDLE; where another proxy leads out, name that with"
    " HTTPS_PROXY=host:port."
)


def trust_the_system() -> None:
    """Make every later HTTPS connection of this process trust what the system and the environment trust."""
    import truststore

    named = os.environ.get("SSL_CERT_FILE", "")
    # OpenSSL reads SSL_CERT_FILE by itself; the verifier of macOS does not, but takes what requests is given.
    if Path(named).is_file() and not (
        os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    ):
        os.environ["REQUESTS_CA_BUNDLE"] = named
    truststore.inject_into_ssl()


def unusable_settings() -> list[str]:
    """What is wrong with the files that the environment names for certificates."""
    faults = []
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        value = os.environ.get(name)
        # Those of requests may name a folder of certificates.
        if not value or (name != "SSL_CERT_FILE" and Path(value).is_dir()):
            continue
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=value)
        except ssl.SSLError:
            faults.append(f"{name} names {value}, which holds no certificate in PEM format")
        except OSError as error:
            faults.append(f"{name} names {value}, which cannot be read ({error.strerror})")
    return faults


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error, then what it was made from, outermost first; requests hides the cause in arguments."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        found = waiting.pop(0)
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        inner = (found.__cause__, found.__context__, getattr(found, "reason", None), *found.args)
        waiting += [one for one in inner if isinstance(one, BaseException)]


def is_about_certificates(error: BaseException) -> bool:
    """Whether a certificate was refused, or those to judge it by could not be read: no second try helps."""
    import requests

    if any(isinstance(one, ssl.SSLCertVerificationError) for one in causes(error)):
        return True
    # requests tells a missing file with a bare OSError, and one without certificates as an error of TLS.
    may_be = isinstance(error, requests.exceptions.SSLError) or type(error) is OSError
    return may_be and bool(unusable_settings())


def proxy_for(address: str) -> str:
    """Host and port of the proxy that the environment names for an address, without its user and password."""
    from requests.utils import get_environ_proxies, select_proxy

    proxy = select_proxy(address, get_environ_proxies(address)) or ""
    return proxy.rpartition("@")[2].rpartition("//")[2].rstrip("/")


def explain(error: Exception, address: str) -> str:
    """What kept an address from being fetched, and what helps, in one line.

    Args:
        error: what requests or jgo raised.
        address: where it was to be fetched from; only its host is named, or the proxy where that is refused.
    """
    import requests

    host = urlsplit(address).hostname or address
    proxy = proxy_for(address)
    at_proxy = isinstance(error, requests.exceptions.ProxyError)
    if is_about_certificates(error):
        refused = [one for one in causes(error) if isinstance(one, ssl.SSLCertVerificationError)]
        faults = "; ".join(unusable_settings())
        if not refused:
            return f"{faults}. Name a PEM file that is there, or unset it."
        whose = f"the proxy {proxy}" if at_proxy else host
        said = f"the certificate of {whose} is not trusted ({refused[-1].verify_message})."
        return f"{said} {faults}{'. ' if faults else ''}{REMEDY}"
    if isinstance(error, RuntimeError):
        # jgo's for any answer but the file itself.
        return f"{host} does not hand it out; a proxy on the way may keep it back"
    if not isinstance(error, requests.RequestException):
        return str(error)
    if isinstance(error, requests.exceptions.Timeout):
        why = "no answer in time"
    elif isinstance(error, requests.exceptions.InvalidURL):
        why = "its address cannot be read"
    else:
        words = [
            getattr(one, "strerror", None) or str(one)
            for one in causes(error)
            if isinstance(one, OSError) and not isinstance(one, requests.RequestException)
        ]
        why = words[-1] if words else type(error).__name__
    through = f" through the proxy {proxy}" if proxy else ""
    helps = "Check HTTPS_PROXY and NO_PROXY." if proxy else "Behind a proxy, name it: HTTPS_PROXY=host:port."
    return f"{host} is not reached{through}: {why}. {helps}"


def write_certificates_for_pip(file: Path) -> bool:
    """Write what pip is to trust: the system's certificates and its own. False where it needs no file."""
    import pip

    version = re.match(r"(\d+)\.(\d+)", pip.__version__)
    if version is None or (int(version[1]), int(version[2])) >= (24, 2):
        return False
    settings = [sys.executable, "-m", "pip", "config", "list"]
    chosen = subprocess.run(settings, capture_output=True, text=True, check=False).stdout
    if ".cert=" in chosen or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE"):
        return False
    # Private to pip, but these versions of it are all out, and change no more.
    from pip._vendor import certifi

    system = ssl.create_default_context()
    folder = ssl.get_default_verify_paths().capath
    for hashed in Path(folder).glob("*.0") if folder else ():
        with contextlib.suppress(OSError):  # a link to a certificate that was taken away
            system.load_verify_locations(hashed)
    certificates = [ssl.DER_cert_to_PEM_cert(one) for one in system.get_ca_certs(binary_form=True)]
    file.write_text("".join(certificates) + Path(certifi.where()).read_text(encoding="utf-8"), "utf-8")
    return True


if __name__ == "__main__":
    if sys.argv[1] == "remedy":
        print(REMEDY)
    elif write_certificates_for_pip(Path(sys.argv[1])):
        print(sys.argv[1])
