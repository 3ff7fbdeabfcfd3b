#!/bin/sh
# Crawl anew. Arguments: the stages to run; both without any. A stage that fails keeps its data, and continues its
# crawl when run again.
set -eu

for stage in ${*:-scrape_names scrape_images}; do
    HERODEX_LIVE=1 dvc repro --force --single-item "$stage"
done
