#!/usr/bin/env bash
# client.sh entra|okta produce|consume|forbidden|wrong-pool: Kafka's own
# kafka-producer-perf-test and kafka-console-consumer (their classes, as their
# shell wrappers run them), with client credentials by JAAS against the
# Entra-shaped or the Okta-shaped server. Reads environment variables only.
source "$(dirname "$0")/../lib.sh"
[ $# -eq 2 ] || die "usage: client.sh entra|okta produce|consume|forbidden|wrong-pool"

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
*) die "$shape: neither entra nor okta" ;;
esac

work=$(mktemp -d)
on_exit rm -rf "$work"
out=$work/out
logins_watched=10 # seconds during which the logins of a refused client are counted

# client_file POOL: what a user would write into the file given to the tools.
client_file() {
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

# tool CLASS ARGUMENT...: started in the background, as $tool, its output in $out.
tool() {
	java -Xmx128m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
		"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=$token_url" \
		"-Dlog4j2.configurationFile=$interop/kafka/log4j2.properties" \
		-cp "$kafka_libs/*" "$@" >"$out" 2>&1 &
	tool=$!
	on_exit end "$tool"
}

perf() { # perf TOPIC RECORDS PER_SECOND ARGUMENT...
	tool org.apache.kafka.tools.ProducerPerformance --topic "$1" --num-records "$2" --throughput "$3" "${@:4}" \
		--producer-props "bootstrap.servers=$KAFKA_BOOTSTRAP_SERVER" client.id=interop-java-$shape --producer.config "$work/client.properties"
}

consumer() { # consumer TOPIC
	tool org.apache.kafka.tools.consumer.ConsoleConsumer --bootstrap-server "$KAFKA_BOOTSTRAP_SERVER" \
		--topic "$1" --group "$KAFKA_GROUP" --from-beginning --consumer.config "$work/client.properties"
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

case $2 in
produce | consume | forbidden) "$2" ;;
wrong-pool) wrong_pool ;;
*) die "$2: unknown" ;;
esac
