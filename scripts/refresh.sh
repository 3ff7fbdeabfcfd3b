#!/bin/sh
# Crawls anew, and keeps what the live web gave until the next refresh. Interrupted, it goes on when run again.
set -eu

stages="scrape_names scrape_images"
# shellcheck disable=SC2086
dvc unfreeze --quiet $stages
for stage in $stages; do
    HERODEX_LIVE=1 dvc repro --force --single-item "$stage"
done
if python -c 'from herodex.params import load_params; raise SystemExit(load_params().crawl.web != "live")'; then
    # shellcheck disable=SC2086
    dvc freeze --quiet $stages
fi
