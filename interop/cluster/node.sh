#!/usr/bin/env bash
# node.sh start|stop|kill DIR N [LIBS]: one node of the cluster in DIR. start returns
# when it serves, stop lets it hand over what it leads, kill does not.
source "$(dirname "$0")/../lib.sh"
usage="node.sh start|stop|kill DIR N [LIBS]"
[ $# -ge 3 ] && [ $# -le 4 ] || die "usage: $usage"
node=$2/node-$3 libs=${4:-$kafka_libs}

start() {
	[ ! -e "$node/kafka.log" ] || mv "$node/kafka.log" "$node/kafka.log.before"
	# A session of its own: an interrupt at the terminal reaches the scripts, which stop it in order.
	setsid java -Xms256m -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC "-Djdk.net.hosts.file=$2/hosts" \
		"-Dlog4j2.configurationFile=$interop/kafka/log4j2.properties" -cp "$libs/*" kafka.Kafka "$node/server.properties" >"$node/kafka.log" 2>&1 </dev/null &
	local pid=$!
	echo "$pid" >"$node/pid"
	serves() { grep -q 'Kafka Server started' "$node/kafka.log"; }
	serves_or_died() { serves || gone "$pid"; }
	wait_for 90 "node $(basename "$node")" serves_or_died || die "see $node/kafka.log"
	serves || die "$node ended by itself: $(grep -a -m 1 -E 'ERROR|FATAL|Exception' "$node/kafka.log")"
}

ended() { # ended SECONDS: how long it may take to end by itself
	local pid
	[ -e "$node/pid" ] || return 0
	pid=$(cat "$node/pid")
	rm "$node/pid"
	# The number may belong to somebody else by now.
	ps -o args= -p "$pid" | grep -q -F "kafka.Kafka $node/server.properties" || return 0
	if [ "$1" -gt 0 ]; then end "$pid" "$1"; else kill -KILL "$pid"; fi
	wait_for 10 "end of process $pid" gone "$pid"
}

case $1 in
start) start "$@" ;;
stop) ended 60 ;;
kill) ended 0 ;;
*) die "usage: $usage" ;;
esac
