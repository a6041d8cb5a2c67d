#!/usr/bin/env bash
# stop.sh DIR: ends the nodes of the cluster in DIR, and no other process; their data
# goes, their logs stay.
source "$(dirname "$0")/../lib.sh"
[ $# -eq 1 ] || die "usage: stop.sh DIR"
[ -d "$1" ] || exit 0
dir=$(cd "$1" && pwd)
for n in 1 2 3; do bash "$interop/cluster/node.sh" kill "$dir" "$n"; done
rm -rf "$dir"/node-*/data "$dir/kafka.env"
