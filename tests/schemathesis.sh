#!/bin/sh
# Installs Schemathesis from PyPI into target/schemathesis, starts the program on a Postgres of its own, and
# sends it requests that the API's description allows and such as it does not, for some minutes. Needs Python
# 3.10 or later. More arguments go to `schemathesis run`. Ends with 75 where it cannot be installed.
set -eu
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/schemathesis"
folder=$(cd "$target/schemathesis" && pwd)
install() {
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' && python3 -m venv "$folder/venv" &&
    "$folder/venv/bin/pip" install --quiet 'schemathesis==4.32.5'
}
if [ ! -x "$folder/venv/bin/schemathesis" ] && ! install; then
  echo 'SKIPPED: Schemathesis cannot be installed here; requests are not made of the API description' >&2
  exit 75
fi
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cargo build --quiet --locked --package logweir
export LOGFLARE_PUBLIC_ACCESS_TOKEN=public LOGFLARE_PRIVATE_ACCESS_TOKEN=private
rm -rf "$folder/data"
LOGWEIR_DATA_DIR=$folder/data PHX_HTTP_IP=127.0.0.1 PHX_HTTP_PORT=$port LOGFLARE_GRPC_PORT=0 \
  "$target/debug/logweir" > "$folder/log" 2>&1 &
program=$!
trap 'kill $program; wait $program || true' EXIT
# Whoever else has that port by now is not to be tested.
until grep -q listening "$folder/log"; do
  kill -0 $program || { cat "$folder/log" >&2; exit 1; }
  sleep 0.2
done
"$folder/venv/bin/schemathesis" --config-file tests/schemathesis.toml \
  run "http://127.0.0.1:$port/api/openapi" --wait-for-schema 60 "$@"
