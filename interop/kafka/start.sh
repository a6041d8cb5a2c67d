#!/usr/bin/env bash
# start.sh DIR: a real Apache Kafka, broker and controller in one process, with
# everything it writes under DIR. Returns when it serves; stop.sh DIR ends it.
#
# Listeners, all on one loopback address that is not 127.0.0.1, so that an
# upstream address which reaches a client cannot go unnoticed:
#   SASL_SSL   SCRAM-SHA-512, for klamm
#   ADMIN      plaintext, for preparing topics
#   CONTROLLER plaintext, for the broker itself
# Writes DIR/kafka.env: KAFKA_UPSTREAM, KAFKA_UPSTREAM_CA, KAFKA_UPSTREAM_USER,
# KAFKA_UPSTREAM_PASSWORD_FILE, KAFKA_UPSTREAM_PLAINTEXT, KAFKA_UPSTREAM_HOST, KAFKA_UPSTREAM_PID.
# KAFKA_HOST is another address, KAFKA_PROPERTIES a file whose settings win over these.
source "$(dirname "$0")/../lib.sh"
[ $# -eq 1 ] || die "usage: start.sh DIR"
need java openssl python3
bash "$interop/kafka/fetch.sh"

mkdir -p "$1"
dir=$(cd "$1" && pwd)
[ ! -e "$dir/kafka.env" ] || die "$dir/kafka.env exists: a Kafka runs there already, or was not stopped"
rm -rf "$dir/data"
host=${KAFKA_HOST:-127.77.0.9}
read -r sasl admin controller < <(free_ports 3 "$host")

make_ca "$dir"
make_cert "$dir" kafka "IP:$host"
cat "$dir/kafka.key" "$dir/kafka.crt" >"$dir/kafka.pem"
chmod 600 "$dir/kafka.pem"
(umask 077 && openssl rand -hex 16 | tr -d '\n' >"$dir/password")

cat "$interop/kafka/common.properties" - >"$dir/server.properties" <<PROPERTIES
node.id=1
controller.quorum.voters=1@$host:$controller
log.dirs=$dir/data
listeners=SASL_SSL://$host:$sasl,ADMIN://$host:$admin,CONTROLLER://$host:$controller
ssl.keystore.location=$dir/kafka.pem
auto.create.topics.enable=true
num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
controlled.shutdown.enable=false
PROPERTIES
[ -z "${KAFKA_PROPERTIES:-}" ] || cat "$KAFKA_PROPERTIES" >>"$dir/server.properties"

# Kafka asks for the name of its own address at each login, on a network thread: a slow
# name server would make logins take its five seconds.
printf '%s kafka\n127.0.0.1 localhost %s\n' "$host" "$(uname -n)" >"$dir/hosts"
java_options=(-XX:TieredStopAtLevel=1 -XX:+UseSerialGC "-Djdk.net.hosts.file=$dir/hosts" "-Dlog4j2.configurationFile=$interop/kafka/log4j2.properties" -cp "$kafka_libs/*")
java -Xmx128m "${java_options[@]}" kafka.tools.StorageTool format -c "$dir/server.properties" \
	-t "$(openssl rand 16 | base64 | tr '+/' '-_' | tr -d '=' | sed 's/^-/A/')" \
	--add-scram "SCRAM-SHA-512=[name=klamm,password=$(cat "$dir/password")]" >"$dir/format.log" 2>&1 ||
	die "formatting the storage failed: $(tail -n 3 "$dir/format.log")"

# A session of its own: an interrupt at the terminal reaches the script, which stops it in order.
setsid java -Xmx512m "${java_options[@]}" kafka.Kafka "$dir/server.properties" >"$dir/kafka.log" 2>&1 </dev/null &
pid=$!
on_failure() { [ -e "$dir/kafka.env" ] || end "$pid"; }
on_exit on_failure

serves() { grep -q 'Kafka Server started' "$dir/kafka.log" && listening "$host" "$sasl"; }
serves_or_died() { serves || gone "$pid"; }
wait_for 60 "Kafka" serves_or_died || die "see $dir/kafka.log"
serves || die "Kafka ended by itself: $(grep -m 1 -E 'ERROR|FATAL|Exception' "$dir/kafka.log"); see $dir/kafka.log"

cat >"$dir/kafka.env.new" <<ENV
KAFKA_UPSTREAM=$host:$sasl
KAFKA_UPSTREAM_HOST=$host
KAFKA_UPSTREAM_CA=$dir/ca.crt
KAFKA_UPSTREAM_USER=klamm
KAFKA_UPSTREAM_PASSWORD_FILE=$dir/password
KAFKA_UPSTREAM_PLAINTEXT=$host:$admin
KAFKA_UPSTREAM_PID=$pid
ENV
mv "$dir/kafka.env.new" "$dir/kafka.env"
echo "Apache Kafka is ready at $host:$sasl (SASL_SSL, SCRAM-SHA-512); plaintext for preparing it at $host:$admin; process $pid"
