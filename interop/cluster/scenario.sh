# scenario.sh: the scenarios `cluster` and `rolling` of ../run.sh, which sources it.
# Three real brokers behind klamm serve; what only shows when there are several.

# cluster_up NAME [LIBS [METADATA_VERSION]]: the cluster, emulators and klamm serve in
# front of it, and the environment of its clients.
cluster_up() {
	local dir=$run/$1
	prepare "Apache Kafka of three nodes started" bash "$interop/cluster/start.sh" "$dir/kafka" "${@:2}"
	prepare "Java client built" javac -d "$dir/java" -cp "$kafka_libs/*" "$interop"/cluster/java/*.java
	on_exit bash "$interop/cluster/stop.sh" "$dir/kafka"
	start "$1-emulators" "$klamm" lab --emulators-only --ports auto --env-file "$run/$1.env"
	emulators=$started
	prepared
	ready "$emulators" 30 "$1-emulators" test -s "$run/$1.env"

	read -r kafka_port ops_port < <(free_ports 2 127.0.0.1)
	make_ca "$dir/tls"
	make_cert "$dir/tls" klamm IP:127.0.0.1,DNS:localhost
	python3 "$interop/serve/config.py" "$dir" "$run/$1.env" "$dir/kafka/kafka.env" "$kafka_port" "$ops_port"
	load_env "$dir/kafka/kafka.env"
	load_env "$dir/client.env"
	export KAFKA_ADMIN_POOL_ID=pool-admin CLUSTER_JAVA=$dir/java STREAM_TOPIC=cluster-stream
	cluster_identity >"$dir/identity/cluster.yaml"
	bindings DeveloperRead "topic: revoked-lost" >"$dir/identity/revoked.yaml"
	logs_in "$1"
	serve_cluster "$1"
}

serve_cluster() { # serve_cluster NAME
	start "$1-serve" "$klamm" serve -c "$run/$1/klamm.yaml"
	serving=$started
	ready "$serving" 30 "$1-serve" listening 127.0.0.1 "$kafka_port"
}

cluster_down() { # cluster_down NAME
	end "$serving"
	end "$emulators"
	bash "$interop/cluster/stop.sh" "$run/$1/kafka"
}

# cluster_identity: who may do what, beyond what the scenario serve has.
cluster_identity() {
	cat <<-YAML
		kind: IdentityPool
		id: $KAFKA_ADMIN_POOL_ID
		provider: op-entra
		identity_claim: claims.oid
		filter: claims.azp == "$AZURE_CLIENT_ID"
		---
		{kind: RoleBinding, principal: "User:$KAFKA_ADMIN_POOL_ID", role: CloudClusterAdmin, on: {cluster: $KAFKA_LOGICAL_CLUSTER_ID}}
		---
	YAML
	bindings DeveloperWrite 'topic: "cluster-*"'
	bindings DeveloperRead 'topic: "cluster-*"' 'group: "cluster-*"' "topic: revoked-kept"
	bindings DeveloperWrite 'transactional_id: "cluster-*"'
}

bindings() { # bindings ROLE RESOURCE...: for the pools of all clients
	local pool resource
	for pool in "$KAFKA_IDENTITY_POOL_ID" "$OAUTH_IDENTITY_POOL_ID"; do
		for resource in "${@:2}"; do
			printf '{kind: RoleBinding, principal: "User:%s", role: %s, on: {cluster: %s, %s}}\n---\n' \
				"$pool" "$1" "$KAFKA_LOGICAL_CLUSTER_ID" "$resource"
		done
	done
}

# streams SCENARIO: clients that go on until the file STREAM_UNTIL exists; returns when all do.
streams() {
	local client
	export STREAM_UNTIL=$run/$1/stop
	launch $patience "$1 java streaming" bash "$interop/cluster/client.sh" Streaming
	launch $patience "$1 python streaming" "$python" "$interop/python/streaming.py"
	launch $patience "$1 franz-go streaming" "$run/franz" streaming
	for client in java python franz-go; do
		wait_for 60 "$client streaming" grep -q '^streaming' "$(log_of "$1 $client streaming")" || true
	done
}

cluster() {
	cluster_up cluster
	"$python" "$interop/kafka/topics.py" "$KAFKA_UPSTREAM_PLAINTEXT" "$STREAM_TOPIC" revoked-kept revoked-lost \
		cluster-from cluster-to cluster-again-java cluster-again-franz

	export STREAM_REDIRECTS=1 STREAM_GROUP_PROTOCOL=consumer MOVING_SECONDS=30
	streams cluster
	launch $patience "cluster leaders move" "$run/franz" move-leaders
	revocation
	verdicts
	check 10 "cluster java redirects" bash "$interop/cluster/told.sh" redirects "$(log_of "cluster java streaming")"
	check 10 "cluster java fetch sessions" bash "$interop/cluster/told.sh" sessions "$(log_of "cluster java revoked")"

	recreation
	launch $patience "cluster everything" "$run/franz" everything
	transactions 2
	# A client hears of the other version as soon as klamm does, which looks once a minute.
	java -Xmx64m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$kafka_libs/*" org.apache.kafka.tools.FeatureCommand \
		--bootstrap-server "$KAFKA_UPSTREAM_PLAINTEXT" downgrade --feature transaction.version=1 >"$logs/downgrade" 2>&1 || die "$(cat "$logs/downgrade")"
	end "$serving"
	serve_cluster cluster
	transactions 1
	not_a_word cluster
	cluster_down cluster
}

# rolling: an old cluster is upgraded node by node, and its features at last, while
# clients go on.
rolling() {
	local old=$cache/kafka-libs-3.9.1 patience=600
	prepare "Apache Kafka 3.9.1's jars fetched" bash "$interop/kafka/fetch.sh" 3.9.1 "$old"
	prepared
	cluster_up rolling "$old" 3.9
	"$python" "$interop/kafka/topics.py" "$KAFKA_UPSTREAM_PLAINTEXT" "$STREAM_TOPIC"
	export STREAM_REDIRECTS= STREAM_GROUP_PROTOCOL=classic # the other is not in 3.9
	streams rolling
	launch $patience "rolling upgrade" bash "$interop/cluster/upgrade.sh" "$run/rolling/kafka" "$run/franz"
	verdicts
	not_a_word rolling
	cluster_down rolling
}

# revocation: the right to a topic is taken away and given back while it is read.
revocation() {
	export FEED_UNTIL=$run/cluster/fed
	launch $patience "cluster java revoked" bash "$interop/cluster/client.sh" Revoked
	launch $patience "cluster franz-go revoked" "$run/franz" revoked
	launch $patience "cluster revoked topics fed" "$run/franz" feed
	launch $patience "cluster revoke and grant" bash "$interop/cluster/revoke.sh" "$run/cluster/identity/revoked.yaml" \
		"$(log_of "cluster java revoked")" "$(log_of "cluster franz-go revoked")"
}

# recreation: topics are deleted and made again while they are written and read.
recreation() {
	export RECREATED=$run/cluster/recreated RECREATE_TOPICS=cluster-again-java,cluster-again-franz
	launch $patience "cluster java recreated" env RECREATED_TOPIC=cluster-again-java bash "$interop/cluster/client.sh" Recreated
	launch $patience "cluster franz-go recreated" env RECREATED_TOPIC=cluster-again-franz "$run/franz" recreated
	launch $patience "cluster delete and make again" bash "$interop/cluster/recreate.sh" "$run/franz" \
		"$(log_of "cluster java recreated")" "$(log_of "cluster franz-go recreated")"
}

transactions() { # transactions VERSION
	export TRANSACTIONS=$1
	launch $patience "cluster java transactions v$1" bash "$interop/cluster/client.sh" Transacting
	launch $patience "cluster franz-go transactions v$1" "$run/franz" transacting
	verdicts
	check 10 "cluster java transactions v$1 on the wire" bash "$interop/cluster/told.sh" transactions "$(log_of "cluster java transactions v$1")"
}

# not_a_word SCENARIO: of where the brokers are, in what clients were told.
not_a_word() {
	(printf '%s\n' "$KAFKA_UPSTREAM_HOST" && tr , '\n' <<<"$KAFKA_UPSTREAM_PORTS" | sed 's/^/:/; p; s/^:/port=/') >"$run/upstream"
	check 10 "$1 upstream address in no client's log" bash "$interop/silent.sh" "$run/upstream" "$logs"/*java*.log "$logs"/*python*.log "$logs"/*franz*.log
}
