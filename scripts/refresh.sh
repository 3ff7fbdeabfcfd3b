#!/bin/sh
# Crawls anew, and freezes what the live web gave until the next refresh. Interrupted, it goes on when run again.
# Arguments: the stages to run; without any, both. A stage that fails keeps its data, and is as frozen as before.
set -eu

is_frozen() {
    sed -n "/^  $1:\$/,/^\$/p" dvc.yaml | grep -q '^    frozen: true$'
}

# 'dvc freeze' and 'dvc unfreeze' do the same, but write all of dvc.yaml in another format.
freeze() {
    is_frozen "$1" || sed -i "/^  $1:\$/,/^\$/ s/^    cmd:.*/&\n    frozen: true/" dvc.yaml
}

unfreeze() {
    sed -i "/^  $1:\$/,/^\$/ { /^    frozen: true\$/d }" dvc.yaml
}

# Names that the user gives are not crawled: a change to them is for 'make run' to see.
asked_live_web() {
    python - "$1" <<'END'
import sys
from crawlers.web import LIVE_WEB
from herodex.params import load_params

params = load_params()
asked = params.crawl.web == LIVE_WEB
if asked and sys.argv[1] == "scrape_names":
    from crawlers.scrape_names import given_names

    asked = not given_names(params)[0]
raise SystemExit(not asked)
END
}

trap 'exit 130' INT
trap 'exit 143' TERM
for stage in ${*:-scrape_names scrape_images}; do
    if is_frozen "$stage"; then
        # shellcheck disable=SC2064 # the stage of this round is meant
        trap "freeze $stage" EXIT
        unfreeze "$stage"
    fi
    HERODEX_LIVE=1 dvc repro --force --single-item "$stage"
    trap - EXIT
    if asked_live_web "$stage"; then
        freeze "$stage"
    fi
done
