#!/usr/bin/env bash
# Writes constraints.txt, constraints-peers.txt and constraints-dist.txt anew: the newest releases that pyproject.toml
# allows, with the hashes of all their files, for Python 3.11 to 3.13 on Linux and Windows. No index addresses are
# written.
set -euo pipefail
cd "$(dirname "$0")/.."

uv=.peers/uv/bin/uv
if [ ! -x "$uv" ]; then
  "${PYTHON:-python3}" -m venv .peers/uv
  .peers/uv/bin/pip install --quiet uv
fi

# compile PYTHON_VERSION OUTPUT COMMENT SOURCE...: pins and hashes, without the header that would name this machine
compile() {
  local version=$1 output=$2 comment=$3
  shift 3
  {
    printf '# %s\n# Written by `make constraints`; do not edit.\n' "$comment"
    "$uv" pip compile --quiet --universal --python-version "$version" --generate-hashes \
      --no-header --no-annotate --no-emit-index-url "$@"
  } > "$output.new"
  if grep -nE '://|^ *-(i|f|-index|-extra|-find)' "$output.new"; then
    echo "an address stands in $output.new; it is not used" >&2
    return 1
  fi
  mv "$output.new" "$output"
}

compile 3.11 constraints.txt "Everything that supportctl runs, is built and is tested with." --all-extras pyproject.toml
compile 3.13 constraints-peers.txt "emupos, a peer of the tests, in an environment of its own (Python 3.13)." tools/peers.in
# the same releases as above, without what only tests and builds
compile 3.11 constraints-dist.txt "The frozen build: supportctl with PyInstaller, in an environment of its own." \
  --constraint constraints.txt pyproject.toml tools/dist.in
