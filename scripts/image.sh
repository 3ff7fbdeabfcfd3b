#!/bin/sh
# Build a container image of a bento with the first of docker, podman and buildah that works.
# Usage: image.sh [BENTO [IMAGE]]; by default the newest bento as herodex:latest.
set -eu

newest() {
    bentoml list -o json | python -c 'import json, sys; print(json.load(sys.stdin)[0]["tag"])'
}

tag=${1:-$(newest)}
# Buildah's own format has no health check.
export BUILDAH_FORMAT=docker
for backend in docker podman buildah; do
    if command -v "$backend" >/dev/null && "$backend" info >/dev/null 2>&1; then
        # BentoML renders its template in a temporary folder that must be below the current folder.
        cd /
        exec bentoml containerize "$tag" --backend "$backend" --image-tag "${2:-herodex:latest}"
    fi
done
printf 'error: no container engine works (docker, podman, buildah).\n' >&2
printf '  fix: install or start one; the bento %s is ready.\n' "$tag" >&2
exit 1
