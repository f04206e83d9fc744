#!/usr/bin/env bash
# Sets up the peers of the tests: programs that we did not write.
# `--system` also installs those that Debian has (needs root). Without it, what is missing is only named.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(ser2net cups-ipp-utils cups-daemon cups-client dbus-daemon snmpd sip-tester chromium fonts-dejavu-core iproute2 openssh-server postgresql mariadb-server)

if [ "${1:-}" = --system ]; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${packages[@]}" > /dev/null
fi

# emupos needs Python 3.13, which need not be the Python that runs supportctl
python313() {
  local candidate
  for candidate in "${PYTHON313:-}" python3.13 python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[3-9]*/bin/python3; do
    if [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 13))' 2> /dev/null; then
      command -v "$candidate"
      return
    fi
  done
  if command -v uv > /dev/null; then
    uv python find --quiet '>=3.13'
  fi
}

stamp=.peers/emupos/installed
if [ ! -e "$stamp" ] || [ constraints-peers.txt -nt "$stamp" ]; then
  python=$(python313 || true)
  if [ -z "$python" ]; then
    echo "emupos: no Python 3.13 found; name one: PYTHON313=/path/to/python3.13 make peers" >&2
    exit 1
  fi
  "$python" -m venv .peers/emupos
  .peers/emupos/bin/python -m pip install --quiet --disable-pip-version-check \
    --require-hashes --only-binary :all: -r constraints-peers.txt
  touch "$stamp"
fi
echo "emupos: .peers/emupos/bin/emupos"

tools/redmine.sh "$@"

for program in ser2net ippeveprinter cupsd dbus-daemon snmpd sipp chromium ip sshd initdb mariadbd; do
  PATH=$PATH:/usr/sbin:/sbin:$(echo /usr/lib/postgresql/*/bin | tr " " :) command -v "$program" || echo "$program: missing; as root: tools/peers.sh --system"
done
