#!/usr/bin/env bash
# revoke.sh FILE LOG...: takes the identity document FILE away when all readers whose
# logs are given are reading, and puts it back when all were refused. The file
# FEED_UNTIL tells when it is over.
source "$(dirname "$0")/../lib.sh"
source "$interop/cluster/await.sh"
[ $# -ge 2 ] || die "usage: revoke.sh FILE LOG..."
document=$1
shift
on_exit touch "$FEED_UNTIL"

await reading "$@" >/dev/null
mv "$document" "$document.away" # documents are *.yaml
echo "figure: refused after $(await refused "$@") s"
! grep -l -x -F again "$@" || die "it was read without the right to it"
mv "$document.away" "$document"
echo "figure: read again after $(await again "$@") s"
await over "$@" >/dev/null
