#!/usr/bin/env bash
# Makes .venv with the pinned dependencies, tlpy (editable) and a Nextflow. Each part leaves a stamp named by the hash of
# what it was made from, so that a second call does nothing and a changed pin is picked up.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

VENV="$PWD/.venv"
STAMPS="$VENV/.setup"
PY="$VENV/bin/python"
# A pip or Python setting of the machine's must not decide what is installed.
export PIP_REQUIRE_VIRTUALENV=false PIP_USER=false PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONNOUSERSITE=1

say() { printf '[set-up] %s\n' "$*"; }
hash_of() { cat "$@" | "$PY" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest()[:16])'; }
done_already() { [ -e "$STAMPS/$1" ]; }
stamp() { rm -f "$STAMPS/${1%%-*}"-*; : > "$STAMPS/$1"; }

make_venv() {
    local python
    python="$(bash setup/find_python.sh)"
    say "making .venv with $("$python" --version)"
    if "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -m venv "$VENV"
    elif command -v uv >/dev/null 2>&1; then
        uv venv --quiet --seed --python "$python" "$VENV"
    elif "$python" -m virtualenv --version >/dev/null 2>&1; then
        "$python" -m virtualenv --quiet "$VENV"
    else
        rm -rf "$VENV"
        cat >&2 <<TEXT
$python cannot make a virtual environment: it comes without the module 'ensurepip'.
Debian and Ubuntu keep it in a package of its own:  sudo apt-get install python3-venv
Or name another Python:                             make demo PYTHON=/path/to/python3
TEXT
        exit 1
    fi
}

install_packages() {
    say "installing the pinned packages (a few GB with torch; this is the long part)"
    local certificates
    certificates="$("$PY" setup/https.py "$STAMPS/certificates.pem")"
    if [ -n "$certificates" ]; then export PIP_CERT="$certificates"; fi
    "$PY" -m pip install --quiet --require-hashes -r requirements/dev.txt || {
        say "pip could not install the packages. If it says CERTIFICATE_VERIFY_FAILED:" >&2
        say "$("$PY" setup/https.py remedy)" >&2
        exit 1
    }
    # Without bytecode each task compiles torch anew. Where Python may not write it (PYTHONDONTWRITEBYTECODE), nobody else would.
    # Some packages ship templates that are no valid Python: their errors mean nothing here.
    "$PY" -m compileall -q -j 0 "$("$PY" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" >/dev/null 2>&1 || true
}

install_tlpy() {
    say "installing tlpy from this checkout (editable)"
    "$PY" -m pip install --quiet --no-deps --no-build-isolation --editable .
}

# Only a working environment passes: a .venv that was moved, copied or half deleted is made anew.
if ! "$PY" -m pip --version >/dev/null 2>&1; then
    rm -rf "$VENV"
    make_venv
fi
mkdir -p "$STAMPS"

packages="packages-$(hash_of requirements/dev.txt)"
done_already "$packages" || { install_packages; stamp "$packages"; }

tlpy="tlpy-$( (printf '%s\n' "$PWD"; cat pyproject.toml) | hash_of -)"
done_already "$tlpy" || { install_tlpy; stamp "$tlpy"; }

nextflow="nextflow-$(hash_of setup/jgo.lock.toml setup/launcher.sh setup/nextflow.py)"
if ! done_already "$nextflow" || ! PATH="$VENV/bin:$PATH" command -v nextflow >/dev/null; then
    say "looking for Nextflow"
    "$PY" setup/nextflow.py install
    stamp "$nextflow"
fi

"$PY" -m compileall -q tlpy >/dev/null 2>&1 || true
