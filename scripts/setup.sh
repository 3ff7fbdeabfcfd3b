#!/bin/sh
# Install uv, the environment in .venv, Chromium and its driver.
# Steps whose result exists are skipped, so a second run takes a moment.
# Argument: `--for-tests` also installs Ray, PostgreSQL, Redis and nginx for the tests.
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

unpack_with_apt() {
    echo "unpacking $1 into $2"
    [ "$(id -u)" = 0 ] && as_root="" || as_root="sudo -n"
    mkdir -p "$2"
    $as_root apt-get update -qq &&
        (cd "$2" && apt-get download -qq "$1" 2>/dev/null && dpkg-deb --extract "$1"_*.deb . && rm "$1"_*.deb)
}

# Found now, not after minutes of installing.
command -v git >/dev/null || fail "git is not installed." "Run: sudo apt install git"
git rev-parse --git-dir >/dev/null 2>&1 || [ -e .git ] ||
    fail "This folder is not a git repository, such as a project downloaded as ZIP; DVC needs one." \
        "Clone the project with git, or run: git init && git add --all && git commit --message start"
[ -d "${HOME:-}" ] && [ -w "$HOME" ] ||
    fail "HOME is '${HOME:-}', a folder that cannot be written; uv, DVC and Chromium keep files there." \
        "Set it to a folder of yours: mkdir -p /tmp/home && HOME=/tmp/home make run"

[ "${1:-}" = --for-tests ] && for_tests=1 || for_tests=

uv=$(command -v uv || echo .tools/bin/uv)
if [ ! -x "$uv" ]; then
    if ! python3 -m venv .tools 2>/dev/null; then
        rm -rf .tools
        may_install || fail "python3 cannot create virtual environments." "Run: sudo apt install python3-venv"
        apt_install python3-venv
        python3 -m venv .tools
    fi
    .tools/bin/pip install --quiet --disable-pip-version-check "uv>=0.13,<0.14" ||
        fail "pip could not install uv." "Check the connection to the package registry."
fi

UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never "$uv" sync --locked --quiet \
    --extra crawl --extra train --extra serve --extra redis --extra share ${for_tests:+--extra scale} ${HERODEX_EXTRAS:-} ||
    fail "uv could not build the environment." "Read its message above; Herodex needs Python 3.11 or 3.12."

if ! .venv/bin/python -m crawlers.browser >/dev/null 2>&1; then
    may_install && apt_install chromium chromium-driver || true
    .venv/bin/python -m crawlers.browser >/dev/null || exit 1
fi

# Tests that need one of these are skipped if it cannot be installed.
if [ "$for_tests" ]; then
    missing=
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing=postgresql
    command -v redis-server >/dev/null || missing="$missing redis-server"
    if [ -n "$missing" ] && may_install; then
        apt_install $missing || true
    fi
    # Unpacked and not installed, because the package would start a server on port 80.
    if ! command -v nginx >/dev/null && [ ! -x .tools/nginx/usr/sbin/nginx ] && may_install; then
        unpack_with_apt nginx .tools/nginx || true
    fi
fi
