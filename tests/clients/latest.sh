#!/bin/sh
# Replaces the pinned clients by their newest versions, until `make clients` installs the pinned ones again.
set -eu
for name in clients clients-chat; do
    rm -f ".venv-$name/$name.installed"
    echo "Installing the newest of requirements/$name.in ..." >&2
    ".venv-$name/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade -r "requirements/$name.in"
done
cd tests/clients/node
rm -f node_modules/.installed
npm install --no-save --no-audit --no-fund \
    $(node -p 'Object.keys(require("./package.json").dependencies).map((name) => name + "@latest").join(" ")')
