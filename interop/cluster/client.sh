#!/usr/bin/env bash
# client.sh PROGRAM: one of the programs in java/, which use Kafka's own client as
# applications do. What it received is in its log, as text.
source "$(dirname "$0")/../lib.sh"
[ $# -eq 1 ] || die "usage: client.sh PROGRAM"

java -Xmx192m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC "-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=$OAUTH_TOKEN_URL" \
	"-Dlog4j2.configurationFile=$interop/kafka/log4j2.properties,$interop/cluster/log4j2.properties" \
	-cp "$CLUSTER_JAVA:$kafka_libs/*" "$1" &
on_exit end "$!"
wait "$!"
