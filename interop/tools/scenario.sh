# The scenario tools: Kafka's command-line tools as several people use them, through
# klamm and, side by side, at another Kafka whose own authorizer has the ACLs that
# klamm shows. Sourced by run.sh.

tools() {
	local dir=$run/tools reference kafka_port ops_port
	mkdir -p "$dir"
	(umask 077 && python3 "$interop/tools/config.py" --brokers "$dir")
	prepare "Apache Kafka started" env "KAFKA_PROPERTIES=$dir/kafka.properties" \
		bash "$interop/kafka/start.sh" "$run/tools-kafka"
	prepare "Apache Kafka with ACLs started" env KAFKA_HOST=127.77.0.10 "KAFKA_PROPERTIES=$dir/reference.properties" \
		bash "$interop/kafka/start.sh" "$run/tools-reference"
	prepare "the session compiled" javac -Xlint:all,-classfile,-path -cp "$kafka_libs/*" -d "$dir/classes" "$interop"/tools/*.java
	on_exit bash "$interop/kafka/stop.sh" "$run/tools-kafka"
	on_exit bash "$interop/kafka/stop.sh" "$run/tools-reference"
	start tools-emulators "$klamm" lab --emulators-only --ports auto --env-file "$dir/emulators.env"
	ready "$started" 30 tools-emulators test -s "$dir/emulators.env"
	prepared

	read -r kafka_port ops_port < <(free_ports 2 127.0.0.1)
	make_ca "$dir/tls"
	make_cert "$dir/tls" klamm IP:127.0.0.1
	reference=$(sed -n 's/^KAFKA_UPSTREAM_PLAINTEXT=//p' "$run/tools-reference/kafka.env")
	load_env "$dir/emulators.env"
	load_env "$run/tools-kafka/kafka.env"
	python3 "$interop/tools/config.py" "$dir" "$dir/emulators.env" "$run/tools-kafka/kafka.env" "$run/tools-reference/kafka.env" "$kafka_port" "$ops_port"
	start tools-serve "$klamm" serve -c "$dir/klamm.yaml"
	ready "$started" 30 tools-serve listening 127.0.0.1 "$kafka_port"

	logs_in tools
	(umask 077 && printf '%s\n' "$KAFKA_UPSTREAM_HOST" eyJ "$OAUTH_CLIENT_SECRET" >"$dir/secrets")
	check $((patience * 3)) "tools session" java -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
		--add-opens java.base/java.lang=ALL-UNNAMED \
		"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=$OAUTH_TOKEN_URL" "-Djdk.net.hosts.file=$run/tools-reference/hosts" \
		"-Dlog4j2.configurationFile=$interop/tools/log4j2.properties" -Dlog4j2.enableDirectEncoders=false \
		-cp "$kafka_libs/*:$dir/classes" Session "$dir" "$interop/tools/session.txt" "$kafka_libs"/kafka-tools-4.*.jar "$reference" "$dir/secrets"
	check $patience "tools explain" env "KLAMM_OPS_URL=http://127.0.0.1:$ops_port" bash "$interop/tools/explained.sh" "$(log_of "tools session")"
	end "$started"
	bash "$interop/kafka/stop.sh" "$run/tools-kafka"
	bash "$interop/kafka/stop.sh" "$run/tools-reference"
}
