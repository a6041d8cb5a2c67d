#!/usr/bin/env bash
# client.sh entra|okta|pasted produce|consume|forbidden|wrong-pool|renewal:
# Kafka's own kafka-producer-perf-test, kafka-console-producer and
# kafka-console-consumer (their classes, as their shell wrappers run them), with
# client credentials by JAAS against the Entra-shaped or the Okta-shaped server.
# pasted takes the client file JAVA_SETTINGS as it stands, and JAVA_ALLOWED_URLS.
# Reads environment variables only.
source "$(dirname "$0")/../lib.sh"
[ $# -eq 2 ] || die "usage: client.sh entra|okta|pasted produce|consume|forbidden|wrong-pool|renewal"

shape=$1
case $shape in
entra)
	token_url=$OAUTH_TOKEN_URL id=$OAUTH_CLIENT_ID secret=$OAUTH_CLIENT_SECRET scope=$OAUTH_SCOPE
	pool=$OAUTH_IDENTITY_POOL_ID other_pool=$OKTA_IDENTITY_POOL_ID
	;;
okta)
	token_url=$OKTA_TOKEN_URL id=$OKTA_CLIENT_ID secret=$OKTA_CLIENT_SECRET scope=$OKTA_SCOPE
	pool=$OKTA_IDENTITY_POOL_ID other_pool=$OAUTH_IDENTITY_POOL_ID
	;;
pasted) token_url=$JAVA_ALLOWED_URLS pool= other_pool= ;;
*) die "$shape: neither entra nor okta nor pasted" ;;
esac

work=$(mktemp -d)
on_exit rm -rf "$work"
out=$work/out
logins_watched=10 # seconds during which the logins of a refused client are counted

renewal_records=900 # at 20 a second

# client_file POOL: what a user would write into the file given to the tools.
client_file() {
	[ "$shape" != pasted ] || {
		cp "$JAVA_SETTINGS" "$work/client.properties"
		return
	}
	(umask 077 && cat >"$work/client.properties") <<-PROPERTIES
		security.protocol=SASL_SSL
		ssl.truststore.type=PEM
		ssl.truststore.location=$KAFKA_CA_FILE
		sasl.mechanism=OAUTHBEARER
		sasl.login.callback.handler.class=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler
		sasl.oauthbearer.token.endpoint.url=$token_url
		sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId="$id" clientSecret="$secret" scope="$scope" ssl.truststore.type="PEM" ssl.truststore.location="$OAUTH_CA_FILE" extension_logicalCluster='$KAFKA_LOGICAL_CLUSTER_ID' extension_identityPoolId='$1';
	PROPERTIES
}

# tool CLASS ARGUMENT...: started in the background, as $tool, its output in $out,
# its input ours.
tool() {
	java -Xmx128m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
		"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=$token_url" \
		"-Dlog4j2.configurationFile=$interop/kafka/log4j2.properties" \
		-cp "$kafka_libs/*" "$@" >"$out" 2>&1 <&0 &
	tool=$!
	on_exit end "$tool"
}

perf() { # perf TOPIC RECORDS PER_SECOND ARGUMENT...
	tool org.apache.kafka.tools.ProducerPerformance --topic "$1" --num-records "$2" --throughput "$3" "${@:4}" \
		--producer-props "bootstrap.servers=$KAFKA_BOOTSTRAP_SERVER" client.id=interop-java-$shape --producer.config "$work/client.properties"
}

consumer() { # consumer TOPIC ARGUMENT...
	tool org.apache.kafka.tools.consumer.ConsoleConsumer --bootstrap-server "$KAFKA_BOOTSTRAP_SERVER" \
		--topic "$1" --group "$KAFKA_GROUP" --from-beginning --consumer.config "$work/client.properties" "${@:2}"
}

# finished: waits for the tool and shows what it said, whatever its verdict.
finished() {
	wait "$tool" || true
	cat "$out"
}

# The invocation of Kafka's documentation, letter by letter.
produce() {
	client_file "$pool"
	perf "$KAFKA_TOPIC" 50 10 --record-size 1
	finished
	grep -q '^50 records sent.* 99.9th\.' "$out" || die "no closing line for 50 records"
	sed -n 's/^50 records sent.* \([0-9.]*\) ms avg latency.*/figure: 50 records sent\nfigure: \1 ms on average/p' "$out"
}

consume() {
	client_file "$pool"
	printf 'interop-%s' "$(openssl rand -hex 4)" >"$work/payload"
	perf "$KAFKA_TOPIC" 50 -1 --payload-file "$work/payload"
	finished
	grep -q '^50 records sent' "$out" || die "50 records were not sent"

	consumer "$KAFKA_TOPIC"
	back() { [ "$(grep -c -x -F -f "$work/payload" "$out")" -eq 50 ]; }
	back_or_ended() { back || gone "$tool"; }
	wait_for 30 "50 records" back_or_ended || true
	end "$tool" # as Ctrl-C does: it commits and leaves its group
	finished
	back || die "50 records did not come back"
	echo "figure: 50 records in a group"
}

forbidden() {
	client_file "$pool"
	perf "$KAFKA_FORBIDDEN_TOPIC" 1 -1 --record-size 1
	finished
	grep -q 'TopicAuthorizationException' "$out" || die "producing was not refused with TopicAuthorizationException"
	consumer "$KAFKA_FORBIDDEN_TOPIC"
	finished
	grep -q 'TopicAuthorizationException' "$out" || die "consuming was not refused with TopicAuthorizationException"
	grep -q '^Processed a total of 0 messages' "$out" || die "records came back"
	echo "figure: TopicAuthorizationException both ways"
}

# A pool of another provider: the gateway's words soon, and no storm of logins.
wrong_pool() {
	local began first=never logins
	client_file "$other_pool"
	began=$(micros)
	perf "$KAFKA_TOPIC" $((logins_watched * 8)) 4 --record-size 1
	wait_for 5 "words of the gateway" grep -q 'ref=' "$out" && first=$(seconds_since "$began")
	while [ $(($(micros) - began)) -lt $((logins_watched * 1000000)) ] && ! gone "$tool"; do sleep 0.1; done
	end "$tool"
	finished
	[ "$first" != never ] || die "no error of the client carries ref= within 5 s"

	# Each refused login has a reference of its own, so references count logins.
	logins=$(grep -o 'ref=[0-9A-Za-z]*' "$out" | sort -u | wc -l)
	grep -o -m 1 'ref=[0-9A-Za-z]*' "$out"
	echo "figure: ref after $first s"
	echo "figure: $((logins / logins_watched)).$((logins % logins_watched)) logins/s"
	[ "$logins" -le $((logins_watched * 2)) ] || die "$logins logins in $logins_watched s"
}

# renewal produces and consumes for longer than two tokens live: every record
# comes once and in order, for they have one key.
renewal() {
	local key came name
	key=renewal-$(openssl rand -hex 4)
	client_file "$pool"
	out=$work/consumed
	consumer "$KAFKA_TOPIC" --property print.key=true --property key.separator=:
	consuming=$tool
	out=$work/produced
	tool org.apache.kafka.tools.ConsoleProducer --bootstrap-server "$KAFKA_BOOTSTRAP_SERVER" --topic "$KAFKA_TOPIC" \
		--property parse.key=true --property key.separator=: --producer.config "$work/client.properties" \
		< <(for ((i = 0; i < renewal_records; i++)); do echo "$key:$i" && sleep 0.05; done)
	wait "$tool" || die "the producer failed: $(tail -n 3 "$out")"

	all() { [ "$(grep -c "^$key:" "$work/consumed")" -ge $renewal_records ]; }
	all_or_ended() { all || gone "$consuming"; }
	wait_for 30 "$renewal_records records" all_or_ended || true
	sleep 1 # what comes twice comes now
	end "$consuming"
	cat "$work/produced" "$work/consumed"
	came=$(grep -c "^$key:" "$work/consumed" || true)
	cmp <(grep "^$key:" "$work/consumed") <(for ((i = 0; i < renewal_records; i++)); do echo "$key:$i"; done) ||
		die "$renewal_records records sent, $came came back, or not in order"
	! grep -h 'AuthenticationException' "$work/produced" "$work/consumed" || die "a login was refused"
	echo "figure: $came records once and in order"
	for name in produced consumed; do
		echo "figure: who $name logged in anew $(grep -c 'Finished re-authentication' "$work/$name") times"
		[ "$(grep -c 'Finished re-authentication' "$work/$name")" -ge 2 ] || die "who $name let its tokens end"
	done
}

case $2 in
produce | consume | forbidden | renewal) "$2" ;;
wrong-pool) wrong_pool ;;
*) die "$2: unknown" ;;
esac
