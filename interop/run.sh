#!/usr/bin/env bash
# run.sh: clients that nobody here wrote, as shipped, against
#   lab      klamm lab, which has everything in it,
#   serve    klamm serve in front of a real Apache Kafka,
#   renewal  klamm lab with tokens that live for 20 s, and
#   journeys labs of what people do today, step by step (see journeys/).
# Needs Go, git, make, Java 17, Maven, Python 3.11 with venv, Node with npm, curl
# and openssl, and the registries of the four languages; everything else it brings
# into .cache. One line per check; ends with the number of those that failed.
source "$(dirname "$0")/lib.sh"
need go make java mvn python3 node npm curl openssl setsid timeout

run=$cache/run
klamm=$repo/bin/klamm
python=$cache/venv/bin/python
export NODE_PATH=$cache/node/node_modules
# Everything that is tried is on loopback; a proxy would get tokens to see.
export NO_PROXY=127.0.0.1,localhost,${NO_PROXY:-} no_proxy=127.0.0.1,localhost,${no_proxy:-}
began=$(micros)

# --- what is needed -----------------------------------------------------------

install_python() {
	once "$interop/python/requirements.txt" "$cache/venv" make_venv
}
make_venv() {
	python3 -m venv "$cache/venv" &&
		"$cache/venv/bin/pip" install --quiet --disable-pip-version-check -r "$interop/python/requirements.txt"
}
install_node() {
	once "$interop/kafkajs/package.json" "$cache/node" make_node
}
make_node() {
	cp "$interop/kafkajs/package.json" "$cache/node/" &&
		npm install --silent --no-package-lock --prefix "$cache/node"
}

# prepare WHAT COMMAND...: without it there is nothing to check.
prepare() {
	local what=$1 since
	shift
	since=$(micros)
	"$@" >"$cache/prepare.log" 2>&1 || {
		tail -n 20 "$cache/prepare.log" >&2
		die "$what: failed"
	}
	printf '       %5s s  %s\n' "$(seconds_since "$since")" "$what"
}

logs_in() { # logs_in SCENARIO
	logs=$cache/logs/$1
	mkdir -p "$logs"
}

# start NAME COMMAND...: in the background until the end, its words in the run's folder.
start() {
	local name=$1
	shift
	"$@" >"$run/$name.log" 2>&1 </dev/null &
	started=$!
	on_exit end "$started"
}

# ready PID SECONDS WHAT COMMAND...: until the command succeeds, or the process has ended.
ready() {
	local pid=$1 limit=$2 what=$3
	shift 3
	succeeds_or_ended() { "$@" || gone "$pid"; }
	wait_for "$limit" "$what" succeeds_or_ended "$@" || true
	"$@" >/dev/null 2>&1 || die "$what is not up: $(tail -n 3 "$run/${what// /-}.log")"
}

# lab_up NAME ARGUMENT...: a lab that has proved itself, and its environment.
lab_up() {
	local name=$1
	shift
	start "$name" "$klamm" lab --ports auto --env-file "$run/$name.env" "$@"
	ready "$started" 30 "$name" grep -q '^The lab is up' "$run/$name.log"
	load_env "$run/$name.env"
	export OAUTH_CA_FILE=$KAFKA_CA_FILE # the lab has one CA for everything
}

# --- the same for both ----------------------------------------------------------

clients() { # clients SCENARIO
	local what shape
	logs_in "$1"
	for what in classic kip848 transaction admin addresses forbidden wrong-pool; do
		check 60 "$1 python $what" "$python" "$interop/python/client.py" "$what"
	done
	for shape in entra okta; do
		for what in produce consume forbidden wrong-pool; do
			check 60 "$1 java $shape $what" bash "$interop/java/client.sh" "$shape" "$what"
		done
	done
	for what in roundtrip forbidden wrong-pool; do
		check 45 "$1 franz-go $what" "$run/franz" "$what"
	done
	for what in roundtrip forbidden wrong-pool; do
		check 45 "$1 kafkajs $what" node "$interop/kafkajs/client.cjs" "$what"
	done
	check 20 "$1 explain" bash "$interop/explain.sh" "$logs"
}

# --- scenarios ------------------------------------------------------------------

lab() {
	lab_up lab
	clients lab
	pasted
	end "$started"
	check 5 "lab environment file removed" test ! -e "$run/lab.env"
}

# pasted: what the lab prints to be pasted works as it stands.
pasted() {
	local dir=$run/pasted
	mkdir -p "$dir"
	check 5 "lab settings printed" python3 "$interop/pasted.py" "$run/lab.log" "$dir"
	check 30 "lab settings librdkafka" env LIBRDKAFKA_SETTINGS="$dir/librdkafka.properties" "$python" "$interop/python/client.py" classic
	load_env "$dir/java.env"
	for what in produce consume; do
		check 60 "lab settings Java $what" env JAVA_SETTINGS="$dir/java.properties" bash "$interop/java/client.sh" pasted "$what"
	done
	check 20 "lab settings curl" python3 "$interop/tokens.py" "$dir/curl"
}

# renewal: clients that go on for longer than their tokens live, at the same time.
renewal() {
	lab_up renewal --token-lifetime 20s
	logs_in renewal
	launch 120 "renewal python" "$python" "$interop/python/client.py" renewal
	launch 120 "renewal java" bash "$interop/java/client.sh" entra renewal
	launch 120 "renewal franz-go" "$run/franz" renewal
	verdicts
	check 10 "renewal connections" python3 "$interop/renewed.py" "$KLAMM_OPS_URL"
	end "$started"
}

serve() {
	local dir=$run/serve kafka_port ops_port
	prepare "Apache Kafka started" bash "$interop/kafka/start.sh" "$run/kafka"
	on_exit bash "$interop/kafka/stop.sh" "$run/kafka"
	start emulators "$klamm" lab --emulators-only --ports auto --env-file "$run/emulators.env"
	ready "$started" 30 emulators test -s "$run/emulators.env"

	read -r kafka_port ops_port < <(free_ports 2 127.0.0.1)
	make_ca "$dir/tls"
	make_cert "$dir/tls" klamm IP:127.0.0.1,DNS:localhost
	python3 "$interop/serve/config.py" "$dir" "$run/emulators.env" "$run/kafka/kafka.env" "$kafka_port" "$ops_port"
	load_env "$run/kafka/kafka.env"
	load_env "$dir/client.env"
	"$python" "$interop/kafka/topics.py" "$KAFKA_UPSTREAM_PLAINTEXT" "$KAFKA_TOPIC" "$KAFKA_FORBIDDEN_TOPIC"

	logs_in serve
	check 20 "serve configuration" "$klamm" check -c "$dir/klamm.yaml"
	start serve "$klamm" serve -c "$dir/klamm.yaml"
	ready "$started" 30 serve listening 127.0.0.1 "$kafka_port"
	clients serve

	check 10 "serve audit agrees with the clients" "$python" "$interop/audit.py" "$dir/audit.jsonl" "$logs"/*wrong-pool.log
	printf '%s\n' "$KAFKA_UPSTREAM_HOST" ":${KAFKA_UPSTREAM##*:}" >"$run/upstream"
	check 10 "serve upstream address in no client's log" bash "$interop/silent.sh" "$run/upstream" "$logs"/*python*.log "$logs"/*java*.log "$logs"/*franz*.log "$logs"/*kafkajs*.log
	(umask 077 && printf '%s\n' "$OAUTH_CLIENT_SECRET" "$OKTA_CLIENT_SECRET" "$(cat "$KAFKA_UPSTREAM_PASSWORD_FILE")" eyJ >"$run/secrets")
	check 10 "serve secret or token in no log of klamm" bash "$interop/silent.sh" "$run/secrets" "$run/serve.log" "$dir/audit.jsonl"

	# The same Kafka behind the lab. It keeps its records, so that the second
	# proof finds those of the first.
	for what in first again; do
		check 30 "serve lab --upstream, $what" "$klamm" lab --upstream "$KAFKA_UPSTREAM_PLAINTEXT" --ports auto --check
	done
}

# journeys: each prints its steps, and those that need what cannot be had here.
journeys() {
	local name
	logs_in journeys
	for name in managed-identity entra-applications oidc-perf-test; do
		check 90 "journey $name" bash "$interop/journeys/$name.sh"
		sed -n -E 's/^[0-9]+ /         &/p' "$(log_of "journey $name")"
	done
}

mkdir -p "$cache"
bash "$interop/kafka/stop.sh" "$run/kafka" # of a run that could not clean up
rm -rf "$run" "$cache/logs"
mkdir -p "$run"
on_exit end_running

prepare "klamm built" make -s -C "$repo" build
prepare "franz-go client built" go build -C "$repo" -o "$run/franz" ./interop/franz
prepare "confluent-kafka for Python installed" install_python
prepare "kafkajs installed" install_node
prepare "Apache Kafka's jars fetched" bash "$interop/kafka/fetch.sh"

[ $# -gt 0 ] || set -- lab serve renewal journeys
for scenario in "$@"; do
	case $scenario in
	lab | serve | renewal | journeys)
		echo
		"$scenario"
		;;
	*) die "$scenario: the scenarios are lab, serve, renewal and journeys" ;;
	esac
done
printf '\n%s s in all' "$(seconds_since "$began")"
table_end
