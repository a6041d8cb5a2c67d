#!/usr/bin/env bash
# stop.sh DIR: ends the Kafka that start.sh DIR started, and no other process; its data goes, its log stays.
source "$(dirname "$0")/../lib.sh"
[ $# -eq 1 ] || die "usage: stop.sh DIR"
[ -e "$1/kafka.env" ] || exit 0
dir=$(cd "$1" && pwd)
load_env "$dir/kafka.env"
# The number may belong to somebody else by now.
if ps -o args= -p "$KAFKA_UPSTREAM_PID" | grep -q -F "kafka.Kafka $dir/server.properties"; then
	end "$KAFKA_UPSTREAM_PID" 15
fi
rm -rf "$dir/data" "$dir/kafka.env"
