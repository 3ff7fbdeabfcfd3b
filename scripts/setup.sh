#!/bin/sh
# Installs what Herodex needs: uv, the environment in .venv, Chromium and its driver.
# Each step is skipped where its result is there, so a second run takes a moment.
# Argument: `--for-tests` installs what tests need beyond that.
set -eu

fail() {
    printf 'error: %s\n  fix: %s\n' "$1" "$2" >&2
    exit 1
}

may_install() {
    command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
}

apt_install() {
    echo "installing $* with apt-get"
    [ "$(id -u)" = 0 ] && as_root="" || as_root="sudo -n"
    $as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
        $as_root apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

uv=$(command -v uv || echo .tools/bin/uv)
if [ ! -x "$uv" ]; then
    if ! python3 -m venv .tools 2>/dev/null; then
        rm -rf .tools
        may_install || fail "python3 cannot make virtual environments." "Run: sudo apt install python3-venv"
        apt_install python3-venv
        python3 -m venv .tools
    fi
    .tools/bin/pip install --quiet --disable-pip-version-check "uv>=0.13,<0.14" ||
        fail "pip could not install uv." "Check the connection to the package registry."
fi

UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never "$uv" sync --locked --quiet \
    --extra crawl --extra train --extra serve --extra share ${HERODEX_EXTRAS:-} ||
    fail "uv could not build the environment." "Read its message above; Herodex needs Python 3.11 or 3.12."

if ! .venv/bin/python -m crawlers.browser >/dev/null 2>&1; then
    may_install && apt_install chromium chromium-driver || true
    .venv/bin/python -m crawlers.browser >/dev/null || exit 1
fi

# PostgreSQL is for tests of sharing alone.
if [ "${1:-}" = --for-tests ] && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
    may_install && apt_install postgresql || true
fi
