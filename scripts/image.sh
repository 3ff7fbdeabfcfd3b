#!/bin/sh
# Builds a container image of a bento with the first of docker, podman and buildah that works.
# Usage: image.sh [BENTO [IMAGE]]; of the newest bento, and called herodex:latest, if it is not told.
set -eu

newest() {
    bentoml list -o json | python -c 'import json, sys; print(json.load(sys.stdin)[0]["tag"])'
}

tag=${1:-$(newest)}
for backend in docker podman buildah; do
    if command -v "$backend" >/dev/null && "$backend" info >/dev/null 2>&1; then
        # BentoML renders its template in a temporary folder, and wants that below the one it is started from.
        cd /
        exec bentoml containerize "$tag" --backend "$backend" --image-tag "${2:-herodex:latest}"
    fi
done
printf 'error: no container engine answers (docker, podman, buildah).\n' >&2
printf '  fix: install or start one; the bento %s itself is ready.\n' "$tag" >&2
exit 1
