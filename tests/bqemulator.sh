#!/bin/sh
# Installs bqemulator from PyPI into a folder (the first argument, else target/bqemulator) and runs the
# test that needs it. Needs Python 3.11 or later; nothing is fetched from elsewhere. Ends with 75 where it
# cannot be installed.
set -eu
cd "$(dirname "$0")/.."
folder=${1:-target/bqemulator}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
install() {
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' && python3 -m venv "$folder" &&
    # numpy is needed and not declared; with later versions of duckdb there is no package of its extension.
    "$folder/bin/pip" install --quiet 'bqemulator==1.4.0' numpy pytz 'duckdb==1.5.4' 'duckdb-extension-spatial==1.5.4'
}
if [ ! -x "$folder/bin/bqemulator" ] && ! install; then
  echo 'SKIPPED: bqemulator cannot be installed here; what it would show of BigQuery is not tested' >&2
  exit 75
fi
# It writes names of fields without quotes: `authorization` is a word of DuckDB's.
sed -i "s/join(f\"{n} {t}\" for n, t in inner_cols)/join(f'\"{n}\" {t}' for n, t in inner_cols)/" \
  "$folder"/lib/python3*/site-packages/bqemulator/storage/type_map.py
# It would fetch the extension from the network.
extensions=$folder/home/.duckdb/extensions/v1.5.4/linux_amd64
if [ ! -e "$extensions/spatial.duckdb_extension" ]; then
  mkdir -p "$extensions"
  cp "$folder"/lib/python3*/site-packages/duckdb_extension_spatial/extensions/v1.5.4/spatial.duckdb_extension "$extensions"
fi
cat > "$folder/run" <<END
#!/bin/sh
HOME=$folder/home exec $folder/bin/bqemulator "\$@"
END
chmod +x "$folder/run"
LOGWEIR_TEST_BQEMULATOR=$folder/run cargo test --workspace --locked --test end-to-end -- --ignored bqemulator
