# The scenario suite: franz-go's own tests, and every method of its admin client, against
# a real Kafka and once more behind klamm serve, as an administrator whose tokens end
# before the tests do. Sourced by run.sh.

suite() { suite_of 1000 30s 300 together; }

# suite_full: for soak, as many records as kgo's own deadlines allow on a small machine.
# kgo logs in anew within the last twentieth of a token's life and never while a fetch
# waits, which then ends with the session: the longer the tests, the longer the tokens.
suite_full() { suite_of "${SOAK_SUITE_RECORDS:-50000}" 40s 900 apart; }

suite_of() { # suite_of RECORDS TOKEN_LIFETIME SECONDS together|apart
	local dir=$run/suite emulators gateway kafka_port ops_port
	prepare "Apache Kafka for the suites started" bash "$interop/kafka/start.sh" "$dir/kafka"
	on_exit bash "$interop/kafka/stop.sh" "$dir/kafka"
	prepare "franz-go's tests built" bash "$interop/suite/build.sh" "$cache/suite"
	start suite-emulators "$klamm" lab --emulators-only --ports auto --token-lifetime "$2" --env-file "$run/suite.env"
	emulators=$started
	prepared
	ready "$emulators" 30 suite-emulators test -s "$run/suite.env"

	read -r kafka_port ops_port < <(free_ports 2 127.0.0.1)
	make_ca "$dir/tls"
	make_cert "$dir/tls" klamm IP:127.0.0.1,DNS:localhost
	python3 "$interop/serve/config.py" "$dir" "$run/suite.env" "$dir/kafka/kafka.env" "$kafka_port" "$ops_port"
	load_env "$dir/kafka/kafka.env"
	load_env "$dir/client.env"
	suite_pool >"$dir/identity/suite.yaml"
	start suite-serve "$klamm" serve -c "$dir/klamm.yaml"
	gateway=$started
	ready "$gateway" 30 suite-serve curl -fsS "$KLAMM_OPS_URL/ready"

	logs_in suite
	check $(($3 * 2 + 10)) "suite kgo, $1 records" env "KGO_TEST_RECORDS=$1" bash "$interop/suite/both.sh" kgo "$cache/suite" "$3" "$4"
	check $(($3 * 2 + 10)) "suite kadm" bash "$interop/suite/both.sh" kadm "$cache/suite" "$3" "$4"
	check 10 "suite connections" python3 "$interop/renewed.py" "$KLAMM_OPS_URL"
	end "$gateway"
	end "$emulators"
	bash "$interop/kafka/stop.sh" "$dir/kafka"
}

suite_pool() {
	cat <<-YAML
		kind: IdentityPool
		id: pool-suite
		provider: op-entra
		identity_claim: claims.azp
		filter: claims.azp == "$OAUTH_CLIENT_ID"
		---
		{kind: RoleBinding, principal: "User:pool-suite", role: CloudClusterAdmin, on: {cluster: $KAFKA_LOGICAL_CLUSTER_ID}}
	YAML
}
