#!/bin/sh
# Makes the federation's coordinator once, and starts one on it. Both coordinators share the folder, its key, the store and the bucket; each has an address of
# its own, so that they share the jobs.
set -eu
cd /data
tutti() { node /tutti/packages/cli/bin/tutti.js "$@"; }

if [ "${TUTTI_SETUP:-}" = yes ]; then
  if [ ! -e federation/token ]; then
    tutti coordinator init federation --url http://coordinator:7430 --store "$TUTTI_STORE" --json >made.json
    cat /compose/settings.yaml >>federation/coordinator.yaml
    node -p 'JSON.parse(require("node:fs").readFileSync("made.json", "utf8")).operator.token' >federation/token
    rm made.json
  fi
  exit 0
fi
exec node /tutti/packages/cli/bin/tutti.js coordinator --config federation/coordinator.yaml --url "$TUTTI_URL" --host 0.0.0.0 \
  --insecure
