#!/usr/bin/env bash
# start.sh DIR [LIBS [METADATA_VERSION]]: an Apache Kafka of three nodes, each broker
# and controller, with everything they write under DIR. Returns when all serve;
# stop.sh DIR ends them. LIBS are the jars of the version, METADATA_VERSION what the
# cluster begins with.
#
# Each node has a loopback address of its own, 127.77.0.11 to .13, and ports of its
# own, so that one which reaches a client cannot go unnoticed. The listeners are those
# of ../kafka/start.sh. Every topic has a replica on each node.
# Writes DIR/kafka.env as ../kafka/start.sh does, where KAFKA_UPSTREAM and
# KAFKA_UPSTREAM_PLAINTEXT name all nodes, KAFKA_UPSTREAM_HOST is what their addresses
# have in common, and KAFKA_UPSTREAM_PORTS are all of their ports.
source "$(dirname "$0")/../lib.sh"
[ $# -ge 1 ] && [ $# -le 3 ] || die "usage: start.sh DIR [LIBS [METADATA_VERSION]]"
need java openssl python3

mkdir -p "$1"
dir=$(cd "$1" && pwd) libs=${2:-$kafka_libs} metadata_version=${3:-}
[ ! -e "$dir/kafka.env" ] || die "$dir/kafka.env exists: a cluster runs there already, or was not stopped"
rm -rf "$dir"/node-*

hosts=(127.77.0.11 127.77.0.12 127.77.0.13) sasl=() admin=() voters=()
for i in 0 1 2; do
	read -r sasl[i] admin[i] controller < <(free_ports 3 "${hosts[i]}")
	voters+=("$((i + 1))@${hosts[i]}:$controller")
done
joined() { local IFS=,; printf '%s' "$*"; }

make_ca "$dir"
make_cert "$dir" kafka "$(printf 'IP:%s\n' "${hosts[@]}" | paste -s -d ,)"
(umask 077 && cat "$dir/kafka.key" "$dir/kafka.crt" >"$dir/kafka.pem" && openssl rand -hex 16 | tr -d '\n' >"$dir/password")

properties() { # properties INDEX
	local host=${hosts[$1]}
	cat "$interop/kafka/common.properties" - <<-PROPERTIES
		node.id=$(($1 + 1))
		controller.quorum.voters=$(joined "${voters[@]}")
		log.dirs=$dir/node-$(($1 + 1))/data
		listeners=SASL_SSL://$host:${sasl[$1]},ADMIN://$host:${admin[$1]},CONTROLLER://${voters[$1]#*@}
		ssl.keystore.location=$dir/kafka.pem
		default.replication.factor=3
		min.insync.replicas=2
		auto.leader.rebalance.enable=false
		offsets.topic.replication.factor=3
		transaction.state.log.replication.factor=3
		transaction.state.log.min.isr=2
		share.coordinator.state.topic.replication.factor=3
		share.coordinator.state.topic.min.isr=2
	PROPERTIES
}

# As in ../kafka/start.sh; a name that reached a client would be found as its address.
(printf '%s upstream-%s\n' "${hosts[0]}" "${hosts[0]}" "${hosts[1]}" "${hosts[1]}" "${hosts[2]}" "${hosts[2]}" &&
	printf '127.0.0.1 localhost %s\n' "$(uname -n)") >"$dir/hosts"

# Everything but the node ids is the same on all nodes, as StorageTool wants it.
id=$(openssl rand 16 | base64 | tr '+/' '-_' | tr -d '=' | sed 's/^-/A/')
format() { # format NODE
	java -Xmx128m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC "-Dlog4j2.configurationFile=$interop/kafka/log4j2.properties" -cp "$libs/*" \
		kafka.tools.StorageTool format -c "$dir/node-$1/server.properties" -t "$id" \
		${metadata_version:+--release-version "$metadata_version"} \
		--add-scram "SCRAM-SHA-512=[name=klamm,password=$(cat "$dir/password")]" >"$dir/node-$1/format.log" 2>&1
}

each_node() { # each_node COMMAND...: for all nodes at once
	local n pid pids=()
	for n in 1 2 3; do
		"$@" "$n" &
		pids+=("$!")
	done
	for pid in "${pids[@]}"; do wait "$pid" || return 1; done
}

for i in 0 1 2; do
	mkdir -p "$dir/node-$((i + 1))"
	properties "$i" >"$dir/node-$((i + 1))/server.properties"
done
each_node format || die "formatting the storage failed: see $dir/node-*/format.log"

on_failure() { [ -e "$dir/kafka.env" ] || bash "$interop/cluster/stop.sh" "$dir"; }
on_exit on_failure
start_node() { bash "$interop/cluster/node.sh" start "$dir" "$1" "$libs"; }
each_node start_node || die "a node did not start: see $dir/node-*/kafka.log"

addresses() { # addresses PORT...
	local i list=()
	for i in 0 1 2; do list+=("${hosts[i]}:$1") && shift; done
	joined "${list[@]}"
}
cat >"$dir/kafka.env.new" <<ENV
KAFKA_UPSTREAM=$(addresses "${sasl[@]}")
KAFKA_UPSTREAM_HOST=127.77.0.
KAFKA_UPSTREAM_CA=$dir/ca.crt
KAFKA_UPSTREAM_USER=klamm
KAFKA_UPSTREAM_PASSWORD_FILE=$dir/password
KAFKA_UPSTREAM_PLAINTEXT=$(addresses "${admin[@]}")
KAFKA_UPSTREAM_PORTS=$(joined "${sasl[@]}" "${admin[@]}" "${voters[@]##*:}")
ENV
mv "$dir/kafka.env.new" "$dir/kafka.env"
