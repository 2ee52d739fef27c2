#!/bin/bash
# Stands in for `docker`: `docker run` starts the command in a mount namespace in which, of all that lies below $HIDDEN, only
# what `-v` names is there, as in a container. Needs root.
[ "$1" = run ] || exit 0
shift
mounts=()
while [[ "$1" == -* ]]; do
    case "$1" in
        -v) mounts+=("${2%%:*}"); shift 2 ;;
        -w) work="$2"; shift 2 ;;
        -e | -u | --cpu-shares | --cpus | --memory | --name | --entrypoint) shift 2 ;;
        *) shift ;;
    esac
done
shift # the image
kept=$(mktemp -d)
export work kept
exec unshare -m bash -c '
    count=$1; shift
    mounts=("${@:1:count}"); shift "$count"
    mount --make-rprivate /
    for n in "${!mounts[@]}"; do
        if [ -d "${mounts[n]}" ]; then mkdir "$kept/$n"; else touch "$kept/$n"; fi
        mount --bind "${mounts[n]}" "$kept/$n"
    done
    mount -t tmpfs tmpfs "$HIDDEN"
    for n in "${!mounts[@]}"; do
        [[ "${mounts[n]}" == "$HIDDEN"/* ]] || continue
        if [ -d "$kept/$n" ]; then mkdir -p "${mounts[n]}"; else mkdir -p "$(dirname "${mounts[n]}")"; touch "${mounts[n]}"; fi
        mount --bind "$kept/$n" "${mounts[n]}"
    done
    cd "$work" && exec "$@"
' _ "${#mounts[@]}" "${mounts[@]}" "$@"
