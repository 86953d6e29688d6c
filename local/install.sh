#!/bin/sh
# Makes a virtual environment and installs a lock into it, once: local/install.sh ENVIRONMENT LOCK [PIP OPTION ...]
# Prints one clear line if that cannot be done; the rest goes to ENVIRONMENT/install.log.
set -eu
environment=$1
lock=$2
shift 2
stamp="$environment/$(basename "$lock" .txt).installed"
if [ -f "$stamp" ] && cmp -s "$lock" "$stamp"; then exit 0; fi

fail() { echo "$1" >&2; exit 1; }

if [ ! -x "$environment/bin/python" ]; then
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$candidate; break; fi
    done
    [ -n "${found:-}" ] || fail "Antiphon needs Python 3.11 or newer; make PYTHON=/path/to/python3.13 names one."
    "$found" -m venv "$environment" >/dev/null 2>&1 ||
        { rm -rf "$environment"; fail "Python cannot make a virtual environment here (on Debian: apt install python3-venv)."; }
fi
echo "Installing $lock into $environment ..." >&2
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes "$@" -r "$lock" \
    >"$environment/install.log" 2>&1 ||
    fail "The dependencies could not be installed: is the package index reachable? See $environment/install.log"
cp "$lock" "$stamp"
