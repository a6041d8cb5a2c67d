#!/usr/bin/env bash
# explained.sh SESSION_LOG: each refusal of the session that gave a reference to the
# tool is explained: who asked, for which right, and what would be enough.
source "$(dirname "$0")/../lib.sh"
explained=0
while read -r who ref; do
	"$repo/bin/klamm" explain "$ref" | tee "$cache/run/explained"
	grep -q -F "pool-$who" "$cache/run/explained" || die "the explanation of $ref does not name pool-$who"
	explained=$((explained + 1))
done < <(sed -n -E 's/^ok .* line [0-9]+  ([a-z]+): .* ref=([0-9a-f]+)$/\1 \2/p' "$1")
[ "$explained" -gt 0 ] || die "no tool was given a reference"
echo "figure: $explained refusals explained"
