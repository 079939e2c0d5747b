#!/bin/sh
# One client: invited by the operator's token, which a real one would be handed by e-mail, and then left running.
set -eu
tutti() { node /tutti/packages/cli/bin/tutti.js "$@"; }

if [ ! -e /tmp/client/client.yaml ]; then
  # Either coordinator invites; whichever the client finds tells it of the other.
  invitation=$(TUTTI_TOKEN=$(cat /data/federation/token) tutti invite --label "compose $(hostname)")
  tutti client init --invitation "$invitation" --data /tutti/packages/simulation/data/digits.csv --folder /tmp/client \
    --cohort 4 --epsilon 50 --no-approval
fi
exec node /tutti/packages/cli/bin/tutti.js client run --config /tmp/client/client.yaml
