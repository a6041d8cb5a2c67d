#!/usr/bin/env bash
# explain.sh LOGS: for each client that was given a reference in LOGS, `klamm
# explain` says what the client was not told: which pool it was about.
source "$(dirname "$0")/lib.sh"
explained=0
while IFS= read -r log; do
	ref=$(grep -o -m 1 '^ref=[0-9A-Za-z]*' "$log")
	"$repo/bin/klamm" explain "${ref#ref=}" | tee "$cache/run/explained"
	grep -q -F -e "$OKTA_IDENTITY_POOL_ID" -e "$OAUTH_IDENTITY_POOL_ID" "$cache/run/explained" ||
		die "the explanation of $ref does not name the pool"
	explained=$((explained + 1))
done < <(grep -l '^ref=' "$1"/*wrong-pool.log)
[ "$explained" -gt 0 ] || die "no client was given a reference"
echo "figure: $explained refusals"
