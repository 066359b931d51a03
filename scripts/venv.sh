#!/usr/bin/env bash
# Makes .venv hold exactly requirements-dev.lock and this checkout: venv.sh PYTHON
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "Tallymark needs Python 3.11 or newer; $python is $("$python" --version 2>&1). Say make PYTHON=python3.11." >&2
  exit 1
}
[ -x .venv/bin/python ] || "$python" -m venv .venv

# pip fetches uv alone, at the locked version and hash; uv does the rest many times faster
if [ ! -x .venv/bin/uv ]; then
  only_uv=$(mktemp)
  trap 'rm -f "$only_uv"' EXIT
  awk '/^uv==/ {on = 1} on {print} on && !/\\$/ {exit}' requirements-dev.lock >"$only_uv"
  .venv/bin/python -m pip install --quiet --require-hashes --no-deps -r "$only_uv"
fi
export VIRTUAL_ENV=$PWD/.venv
.venv/bin/uv pip sync --quiet --require-hashes requirements-dev.lock
.venv/bin/uv pip install --quiet --no-deps --no-build-isolation -e .
