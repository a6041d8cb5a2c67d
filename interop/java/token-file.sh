#!/usr/bin/env bash
# token-file.sh FILE: keeps a token of the managed identity in FILE, for programs that
# read one from a file. IMDS knows when a new token is due, so it is asked again and
# again; FILE changes all at once, and only when the token did.
source "$(dirname "$0")/../lib.sh"
[ $# -eq 1 ] || die "usage: token-file.sh FILE"
umask 077

token() {
	curl --silent --show-error --fail --max-time 5 --noproxy '*' -G -H Metadata:true --data-urlencode api-version=2025-04-07 \
		--data-urlencode "resource=$KAFKA_RESOURCE" --data-urlencode "client_id=$AZURE_CLIENT_ID" "$IMDS_TOKEN_URL" |
		python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"], end="")'
}

while true; do
	if token >"$1.new" && ! cmp --quiet "$1.new" "$1"; then mv "$1.new" "$1"; fi
	sleep 2
done
