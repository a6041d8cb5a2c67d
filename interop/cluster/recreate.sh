#!/usr/bin/env bash
# recreate.sh FRANZ LOG...: deletes the topics and makes them again when all clients
# whose logs are given are reading; says so in the file RECREATED.
source "$(dirname "$0")/../lib.sh"
source "$interop/cluster/await.sh"
[ $# -ge 2 ] || die "usage: recreate.sh FRANZ LOG..."
franz=$1
shift

await reading "$@" >/dev/null
"$franz" recreate
touch "$RECREATED"
echo "figure: read again after $(await again "$@") s"
