#!/bin/sh
# Run chromedriver, and stop it and its browser when the crawl ends, even by SIGKILL: the crawl holds this script's
# standard input open. The script leads its own process group.
exec 3<&0
"$HERODEX_CHROMEDRIVER" "$@" </dev/null 3<&- &
driver=$!
(
    trap '' TERM
    cat <&3 >/dev/null
    kill -TERM 0
    sleep 1
    rm -rf "$TMPDIR"
    kill -KILL 0
) &
wait "$driver"
