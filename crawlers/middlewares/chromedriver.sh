#!/bin/sh
# Runs chromedriver, and stops it and its browser when the crawl is gone, even if that was killed:
# our standard input is a pipe that the crawl holds open. We lead a process group of our own.
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
