#!/usr/bin/env bash
# Freezes supportctl for computers without Python: dist/supportctl/, and the same folder as one archive with its
# SHA-256. The environment .peers/dist is its own, with the releases of constraints-dist.txt.
set -euo pipefail
cd "$(dirname "$0")/.."

own=.peers/dist
stamp=$own/installed
if [ ! -e "$stamp" ] || [ constraints-dist.txt -nt "$stamp" ]; then
  rm -rf "$own"
  "${PYTHON:-python3}" -m venv "$own"
  "$own/bin/python" -m pip install --quiet --quiet --disable-pip-version-check \
    --require-hashes --only-binary :all: -r constraints-dist.txt
  touch "$stamp"
fi

# as little of this moment as possible goes in: the order of sets, and the dates in the archive (not compared yet)
export PYTHONHASHSEED=1 SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2> /dev/null || date +%s)}
rm -rf build/dist dist/supportctl
"$own/bin/python" -m PyInstaller --noconfirm --log-level WARN --workpath build/dist --distpath dist tools/supportctl.spec
# a Python that was built from sources brings its debug symbols: two thirds of it
if command -v strip > /dev/null; then
  find dist/supportctl/_internal -maxdepth 1 -name 'libpython*.so*' -type f -exec strip --strip-debug {} +
fi

name=supportctl-$(dist/supportctl/supportctl --version | cut -d ' ' -f 2)-$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m)
tar --create --file - --directory dist --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" supportctl \
  | gzip --no-name -6 > "dist/$name.tar.gz"
(cd dist && sha256sum "$name.tar.gz" | tee "$name.tar.gz.sha256")
du -sh dist/supportctl "dist/$name.tar.gz"
