#!/usr/bin/env bash
# client.sh SHAPE produce|consume|forbidden|wrong-pool|renewal: Kafka's own
# kafka-producer-perf-test, kafka-console-producer and kafka-console-consumer (their
# classes, as their shell wrappers run them). SHAPE is
#   entra, okta  client credentials by JAAS, at the server of that shape,
#   old          as entra, with Kafka 3.2.1, whose handler has another name,
#   file         a managed identity, whose token a script renews in a file, and
#   pasted       the client file JAVA_SETTINGS as it stands, and JAVA_ALLOWED_URLS.
# Reads environment variables only.
source "$(dirname "$0")/../lib.sh"
usage="client.sh entra|okta|old|file|pasted produce|consume|forbidden|wrong-pool|renewal"
[ $# -eq 2 ] || die "usage: $usage"

work=$(mktemp -d)
on_exit rm -rf "$work"
out=$work/out

shape=$1
package=org.apache.kafka.common.security.oauthbearer
libs=$kafka_libs producer=org.apache.kafka.tools.ConsoleProducer consumer=org.apache.kafka.tools.consumer.ConsoleConsumer
pool=$OAUTH_IDENTITY_POOL_ID other_pool=$OKTA_IDENTITY_POOL_ID
token_url=$OAUTH_TOKEN_URL id=$OAUTH_CLIENT_ID secret=$OAUTH_CLIENT_SECRET scope=$OAUTH_SCOPE
case $shape in
entra) ;;
old)
	libs=$old_kafka_libs producer=kafka.tools.ConsoleProducer consumer=kafka.tools.ConsoleConsumer
	package=$package.secured
	;;
okta)
	token_url=$OKTA_TOKEN_URL id=$OKTA_CLIENT_ID secret=$OKTA_CLIENT_SECRET scope=$OKTA_SCOPE
	pool=$OKTA_IDENTITY_POOL_ID other_pool=$OAUTH_IDENTITY_POOL_ID
	;;
file)
	pool=$KAFKA_IDENTITY_POOL_ID token_url=file://$work/token
	bash "$interop/java/token-file.sh" "$work/token" >"$work/renewer" 2>&1 &
	on_exit end "$!"
	wait_for 10 "a token in a file" test -s "$work/token" || die "$(cat "$work/renewer")"
	;;
pasted) token_url=$JAVA_ALLOWED_URLS pool= other_pool= ;;
*) die "usage: $usage" ;;
esac

logins_watched=10 # seconds during which the logins of a refused client are counted
per_second=20     # records of the renewal

# client_file POOL: what a user would write into the file given to the tools.
client_file() {
	local login="clientId=\"$id\" clientSecret=\"$secret\" scope=\"$scope\" ssl.truststore.type=\"PEM\" ssl.truststore.location=\"$OAUTH_CA_FILE\" "
	[ "$shape" != pasted ] || {
		cp "$JAVA_SETTINGS" "$work/client.properties"
		return
	}
	[ "$shape" != file ] || login=
	(umask 077 && cat >"$work/client.properties") <<-PROPERTIES
		security.protocol=SASL_SSL
		ssl.truststore.type=PEM
		ssl.truststore.location=$KAFKA_CA_FILE
		sasl.mechanism=OAUTHBEARER
		sasl.login.callback.handler.class=$package.OAuthBearerLoginCallbackHandler
		sasl.oauthbearer.token.endpoint.url=$token_url
		sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required ${login}extension_logicalCluster='$KAFKA_LOGICAL_CLUSTER_ID' extension_identityPoolId='$1';
	PROPERTIES
}

# tool CLASS ARGUMENT...: started in the background, as $tool, its output in $out,
# its input ours.
tool() {
	java -Xmx128m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
		"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=$token_url" \
		"-Dorg.apache.kafka.sasl.oauthbearer.allowed.files=$work/token" \
		"-Dlog4j2.configurationFile=$interop/kafka/log4j2.properties" \
		-cp "$libs/*" "$@" >"$out" 2>&1 <&0 &
	tool=$!
	on_exit end "$tool"
}

perf() { # perf TOPIC RECORDS PER_SECOND ARGUMENT...
	tool org.apache.kafka.tools.ProducerPerformance --topic "$1" --num-records "$2" --throughput "$3" "${@:4}" \
		--producer-props "bootstrap.servers=$KAFKA_BOOTSTRAP_SERVER" client.id=interop-java-$shape --producer.config "$work/client.properties"
}

console() { # console TOPIC ARGUMENT...
	tool "$consumer" --bootstrap-server "$KAFKA_BOOTSTRAP_SERVER" \
		--topic "$1" --group "$KAFKA_GROUP-$shape-$(openssl rand -hex 4)" --from-beginning --consumer.config "$work/client.properties" "${@:2}"
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

	console "$KAFKA_TOPIC"
	back() { [ "$(grep -c -x -F -f "$work/payload" "$out")" -eq 50 ]; }
	back_or_ended() { back || gone "$tool"; }
	wait_for 60 "50 records" back_or_ended || true
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
	console "$KAFKA_FORBIDDEN_TOPIC"
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
	wait_for 15 "words of the gateway" grep -q 'ref=' "$out" && first=$(seconds_since "$began")
	while [ $(($(micros) - began)) -lt $((logins_watched * 1000000)) ] && ! gone "$tool"; do sleep 0.1; done
	end "$tool"
	finished
	[ "$first" != never ] || die "no error of the client carries ref= within 15 s"

	# Each refused login has a reference of its own, so references count logins.
	logins=$(grep -o 'ref=[0-9A-Za-z]*' "$out" | sort -u | wc -l)
	grep -o -m 1 'ref=[0-9A-Za-z]*' "$out"
	echo "figure: ref after $first s"
	echo "figure: $((logins / logins_watched)).$((logins % logins_watched)) logins/s"
	[ "$logins" -le $((logins_watched * 2)) ] || die "$logins logins in $logins_watched s"
}

# renewal produces and consumes for RENEWAL_SECONDS, while tokens end: every record
# comes once and in order, for they have one key.
renewal() {
	local records=$((RENEWAL_SECONDS * per_second)) key came name times
	key=renewal-$(openssl rand -hex 4)
	client_file "$pool"
	out=$work/consumed
	console "$KAFKA_TOPIC" --property print.key=true --property key.separator=:
	consuming=$tool
	out=$work/produced
	tool "$producer" --bootstrap-server "$KAFKA_BOOTSTRAP_SERVER" --topic "$KAFKA_TOPIC" \
		--property parse.key=true --property key.separator=: --producer.config "$work/client.properties" \
		< <(paced "$key" "$records")
	wait "$tool" || die "the producer failed: $(tail -n 3 "$out")"

	all() { [ "$(grep -c "^$key:" "$work/consumed")" -ge "$records" ]; }
	all_or_ended() { all || gone "$consuming"; }
	wait_for 60 "$records records" all_or_ended || true
	sleep 1 # what comes twice comes now
	end "$consuming"
	cat "$work/produced" "$work/consumed"
	came=$(grep -c "^$key:" "$work/consumed" || true)
	cmp <(grep "^$key:" "$work/consumed") <(for ((i = 0; i < records; i++)); do echo "$key:$i"; done) ||
		die "$records records sent, $came came back, or not in order"
	! grep -h 'AuthenticationException' "$work/produced" "$work/consumed" || die "a login was refused"
	echo "figure: $came records once and in order"
	for name in produced consumed; do
		times=$(grep -c 'Finished re-authentication' "$work/$name" || true)
		echo "figure: who $name logged in anew $times times"
		[ "$times" -ge 1 ] || die "who $name let its tokens end"
	done
}

# paced KEY RECORDS: lines for the producer, so that they last.
paced() {
	local i
	for ((i = 0; i < $2; i++)); do
		echo "$1:$i"
		[ $(((i + 1) % (per_second / 4))) -ne 0 ] || sleep 0.25
	done
}

case $2 in
produce | consume | forbidden | renewal) "$2" ;;
wrong-pool) wrong_pool ;;
*) die "usage: $usage" ;;
esac
