#!/usr/bin/env bash
# upgrade.sh DIR FRANZ: brings the nodes of the cluster in DIR, which have older jars,
# to Kafka's newest version, one after the other, and its features at last. The file
# STREAM_UNTIL tells when it is over.
source "$(dirname "$0")/../lib.sh"
[ $# -eq 2 ] || die "usage: upgrade.sh DIR FRANZ"
dir=$1 franz=$2
on_exit touch "$STREAM_UNTIL"

offers() { "$franz" offered | sed -n 's/^offered at //p'; }
at() { grep "^$1:" <<<"$2" | cut -d ' ' -f 2-; } # at NODE OFFERS; 0 is the address of bootstrap

features() { # features COMMAND...
	java -Xmx64m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$kafka_libs/*" org.apache.kafka.tools.FeatureCommand \
		--bootstrap-server "$KAFKA_UPSTREAM_PLAINTEXT" "$@"
}

# Klamm asks a broker for its versions once a minute, and when it could not reach it.
offers_more() { # offers_more NODE OFFERS_BEFORE
	now=$(offers) && [ "$(at "$1" "$now")" != "$(at "$1" "$2")" ]
}

old=$(offers)
echo "figure: before: $(at 0 "$old")"
for node in 1 2 3; do
	began=$(micros)
	bash "$interop/cluster/node.sh" stop "$dir" "$node"
	bash "$interop/cluster/node.sh" start "$dir" "$node"
	up=$(seconds_since "$began")
	wait_for 120 "node $node" offers_more "$node" "$old" || die "node $node offers what it did before"
	echo "figure: node $node away for $up s, offers more after $(seconds_since "$began") s"
	[ "$node" -eq 3 ] || [ "$(at 0 "$now")" = "$(at 0 "$old")" ] || die "at bootstrap is offered what not all nodes have"
done
wait_for 120 "bootstrap" offers_more 0 "$old" || die "at bootstrap is offered what it was before"
echo "figure: after: $(at 0 "$now")"

version=$(basename "$kafka_libs"/kafka-clients-*.jar .jar)
version=${version#kafka-clients-}
features upgrade --release-version "${version%.*}"
second() { offers | grep -q '^0:.*transactions 2$'; }
began=$(micros)
wait_for 120 "transactions of the second version" second || die "they are not offered"
echo "figure: transactions of the second version offered after $(seconds_since "$began") s"
