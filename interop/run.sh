#!/usr/bin/env bash
# run.sh [SCENARIO...]: clients that nobody here wrote, as shipped, against
#   lab      klamm lab, which has everything in it,
#   serve    klamm serve in front of a real Apache Kafka,
#   cluster  klamm serve in front of three brokers, whose leaders move (see cluster/),
#   azure    klamm lab with tokens of Azure's own SDKs, on each platform's way,
#   renewal  klamm lab with tokens that live for 20 s, for RENEWAL_SECONDS (90): all
#            clients at once lose, double and reorder nothing,
#   journeys labs of what people do today, step by step (see journeys/),
#   tools    klamm serve, and Kafka's command-line tools in the hands of people with
#            different roles, next to a Kafka with the same rights as ACLs,
#   suite    franz-go's own tests against a real Kafka and behind klamm serve, and, only
#            when they are named,
#   rolling  an old cluster is upgraded while clients go on, and
#   soak     what is longer than that, with rolling.
# Needs Go, git, make, a JDK 17, Maven, Python 3.11 with venv, Node with npm, curl
# and openssl, and the registries of the four languages; everything else it brings
# into .cache. One line per check; ends with the number of those that failed. What a
# machine does not have is said as "not here".
source "$(dirname "$0")/lib.sh"
source "$interop/cluster/scenario.sh"
source "$interop/suite/scenario.sh"
source "$interop/tools/scenario.sh"
need go make java javac mvn python3 node npm curl openssl setsid timeout

run=$cache/run
klamm=$repo/bin/klamm
python=$cache/venv/bin/python
old_python=$cache/venv-3.10/bin/python
export NODE_PATH=$cache/node/node_modules
# Everything that is tried is on loopback; a proxy would get tokens to see.
export NO_PROXY=127.0.0.1,localhost,169.254.169.254,${NO_PROXY:-} no_proxy=127.0.0.1,localhost,169.254.169.254,${no_proxy:-}
export RENEWAL_SECONDS=${RENEWAL_SECONDS:-90}
patience=120 # seconds for one client, which takes a tenth of it
began=$(micros)

# --- what is needed -----------------------------------------------------------

install_python() { # install_python REQUIREMENTS VENV PYTHON
	once "$interop/python/$1" "$cache/$2" make_venv "$@"
}
make_venv() {
	"$3" -m venv "$cache/$2" &&
		"$cache/$2/bin/pip" install --quiet --disable-pip-version-check -r "$interop/python/$1"
}
install_node() {
	once "$interop/kafkajs/package.json" "$cache/node" make_node
}
make_node() {
	cp "$interop/kafkajs/package.json" "$cache/node/" &&
		npm install --silent --no-package-lock --prefix "$cache/node"
}
fetch_kafka() {
	bash "$interop/kafka/fetch.sh" && bash "$interop/kafka/fetch.sh" 3.2.1 "$old_kafka_libs"
}

# python310: confluent-kafka 1.9.2 has wheels for nothing newer.
python310() {
	local candidate
	for candidate in python3.10 "$(pyenv root 2>/dev/null)"/versions/3.10.*/bin/python3.10; do
		"$candidate" -c 'import venv' 2>/dev/null && printf '%s' "$candidate" && return
	done
	return 1
}

preparing=() # process, what, when it began: three for each that is under way

# prepare WHAT COMMAND...: begins it; without it there is nothing to check.
prepare() {
	"${@:2}" >"$cache/prepare-${1//[^A-Za-z0-9-]/_}.log" 2>&1 &
	preparing+=("$!" "$1" "$(micros)")
}

# prepared: all that was begun is there.
prepared() {
	local what
	while [ ${#preparing[@]} -gt 0 ]; do
		what=${preparing[1]}
		wait "${preparing[0]}" || {
			tail -n 20 "$cache/prepare-${what//[^A-Za-z0-9-]/_}.log" >&2
			die "$what: failed"
		}
		printf '       %5s s  %s\n' "$(seconds_since "${preparing[2]}")" "$what"
		preparing=("${preparing[@]:3}")
	done
}

end_preparing() {
	local i
	for ((i = 0; i < ${#preparing[@]}; i += 3)); do end "${preparing[i]}"; done
}

# not_here WHAT WHY: a check that this machine has no part for.
not_here() { printf 'not here         %-46s %s\n' "$1" "$2"; }

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

inside=() # where labs are started: before the command

# lab_up NAME ARGUMENT...: a lab that has proved itself, and its environment.
lab_up() {
	local name=$1 http
	shift
	http=$(free_ports 1 127.0.0.1)
	start "$name" "${inside[@]}" "$klamm" lab --ports auto --entra-http-port "$http" --env-file "$run/$name.env" "$@"
	ready "$started" 30 "$name" grep -q '^The lab is up' "$run/$name.log"
	load_env "$run/$name.env"
	export OAUTH_CA_FILE=$KAFKA_CA_FILE # the lab has one CA for everything
	export OAUTH_HTTP_TOKEN_URL=http://127.0.0.1:$http/${OAUTH_TOKEN_URL#https://*/}
}

# --- the same for both ----------------------------------------------------------

# clients SCENARIO: Java's go side by side, since each of them mostly waits.
clients() {
	local what shape
	logs_in "$1"
	for what in classic kip848 expression transaction admin addresses forbidden; do
		check $patience "$1 python $what" "$python" "$interop/python/client.py" "$what"
	done
	for what in produce consume forbidden; do
		for shape in entra okta old file; do
			launch $patience "$1 java $shape $what" bash "$interop/java/client.sh" "$shape" "$what"
		done
		verdicts
	done
	for what in roundtrip forbidden; do
		launch $patience "$1 franz-go $what" "$run/franz" "$what"
		launch $patience "$1 kafkajs $what" node "$interop/kafkajs/client.cjs" "$what"
		verdicts
	done
	wrong_pools "$1"
	check $patience "$1 explain" bash "$interop/explain.sh" "$logs"
}

# wrong_pools SCENARIO: those of one identity never at once, whose logins are counted.
wrong_pools() {
	launch $patience "$1 python wrong-pool" "$python" "$interop/python/client.py" wrong-pool
	launch $patience "$1 java entra wrong-pool" bash "$interop/java/client.sh" entra wrong-pool
	launch $patience "$1 java okta wrong-pool" bash "$interop/java/client.sh" okta wrong-pool
	verdicts
	launch $patience "$1 franz-go wrong-pool" "$run/franz" wrong-pool
	launch $patience "$1 java old wrong-pool" bash "$interop/java/client.sh" old wrong-pool
	verdicts
	check $patience "$1 kafkajs wrong-pool" node "$interop/kafkajs/client.cjs" wrong-pool
	check $patience "$1 java file wrong-pool" bash "$interop/java/client.sh" file wrong-pool
	not_here "$1 java UamiJwtRetriever" "Confluent's kafka-client-plugins, which no registry here has: a token in a file instead (java file)"
}

# old_clients SCENARIO WHAT...: confluent-kafka 1.9.2, where there is a Python for it.
old_clients() {
	local what
	for what in "${@:2}"; do
		if [ -n "$ancient" ]; then
			launch "$patience" "$1 python-1.9.2 $what" "$old_python" "$interop/python/old.py" "$what"
		else
			not_here "$1 python-1.9.2 $what" "Python 3.10, on PATH or of pyenv"
		fi
	done
}

# --- scenarios ------------------------------------------------------------------

lab() {
	lab_up lab
	clients lab
	old_clients lab roundtrip forbidden
	verdicts
	pasted
	end "$started"
	check 5 "lab environment file removed" test ! -e "$run/lab.env"
	check $((patience * 2)) "lab documents" env DOCS_PYTHON="$cache/venv" DOCS_NODE="$cache/node/node_modules" DOCS_KAFKA="$kafka_libs" \
		go test -C "$repo" -count=1 -run 'TestDocuments$' ./cmd/klamm
}

# pasted: what the lab prints to be pasted works as it stands.
pasted() {
	local dir=$run/pasted
	check $patience "lab settings printed" python3 "$interop/pasted.py" "$run/lab.log" "$dir"
	check $patience "lab settings librdkafka" env LIBRDKAFKA_SETTINGS="$dir/librdkafka.properties" "$python" "$interop/python/client.py" classic
	load_env "$dir/java.env"
	for what in produce consume; do
		check $patience "lab settings Java $what" env JAVA_SETTINGS="$dir/java.properties" bash "$interop/java/client.sh" pasted "$what"
	done
	check $patience "lab settings curl" python3 "$interop/tokens.py" "$dir/curl"
}

# azure: Azure's SDKs, told by the environment alone where they are.
azure() {
	local authority
	lab_up azure
	logs_in azure
	python3 "$interop/pasted.py" "$run/azure.log" "$run/azure"
	authority=${OAUTH_TOKEN_URL%%/"$AZURE_TENANT_ID"*}
	export AZURE_TOKEN_CREDENTIALS=ManagedIdentityCredential
	mapfile -t app_service <"$run/azure/app-service.env"
	sdks "App Service" "${app_service[@]}"
	launch $patience "azure Python SDK IMDS" "$python" "$interop/python/identity.py"
	verdicts
	sdks "secret" AZURE_TOKEN_CREDENTIALS=EnvironmentCredential "AZURE_AUTHORITY_HOST=$authority" \
		"AZURE_CLIENT_ID=$OAUTH_CLIENT_ID" "AZURE_CLIENT_SECRET=$OAUTH_CLIENT_SECRET" "KAFKA_IDENTITY_POOL_ID=$OAUTH_IDENTITY_POOL_ID"
	verdicts
	federated "$authority" "${OKTA_TOKEN_URL%/oauth2/*}"
	sdks "workload identity" AZURE_TOKEN_CREDENTIALS=WorkloadIdentityCredential "AZURE_AUTHORITY_HOST=$authority" \
		"AZURE_FEDERATED_TOKEN_FILE=$run/azure/federated"
	verdicts
	end "$started"
	link_local
}

# federated ENTRA OIDC: a token of a service account of Kubernetes, and Entra ID trusts it.
federated() {
	local account=orders/producer
	"$klamm" lab entra app add-federated-credential --at "$1" --ca "$KAFKA_CA_FILE" --id "$AZURE_CLIENT_ID" --name producer \
		--issuer "$2/klamm-cluster" --subject "system:serviceaccount:${account/\//:}" >"$run/azure/credential" || die "no federated credential"
	(umask 077 && "$klamm" lab oidc token --at "$2" --ca "$KAFKA_CA_FILE" --server kubernetes --client-id "$account" \
		>"$run/azure/federated") || die "no token of a service account"
}

# sdks NAME VARIABLE...: both SDKs, with these variables; they trust the lab's CA.
sdks() {
	launch $patience "azure Python SDK $1" env "REQUESTS_CA_BUNDLE=$OAUTH_CA_FILE" "${@:2}" "$python" "$interop/python/identity.py"
	launch $patience "azure Go SDK $1" env "SSL_CERT_FILE=$OAUTH_CA_FILE" "${@:2}" "$run/franz" azidentity
}

# link_local: in a network of its own, where IMDS has Azure's own address and no client
# is told of another.
link_local() {
	local inside=(unshare --user --net --map-root-user sh -c
		'ip link set lo up && ip address add 169.254.169.254/32 dev lo && exec "$@"' sh)
	"${inside[@]}" true 2>"$run/namespace" || {
		not_here "azure 169.254.169.254" "a network namespace: $(head -n 1 "$run/namespace")"
		return
	}
	lab_up link-local --imds-listen 169.254.169.254:80
	inside=(nsenter --target "$started" --user --net --preserve-credentials env -u IMDS_TOKEN_URL -u AZURE_POD_IDENTITY_AUTHORITY_HOST)
	launch $patience "azure 169.254.169.254 librdkafka" "${inside[@]}" "$python" "$interop/python/client.py" classic
	launch $patience "azure 169.254.169.254 Python SDK" "${inside[@]}" "$python" "$interop/python/identity.py"
	launch $patience "azure 169.254.169.254 Go SDK" "${inside[@]}" "$run/franz" azidentity
	verdicts
	end "$started"
}

# renewal: clients that go on for longer than their tokens live, at the same time.
renewal() {
	local long ops shape patience=$((RENEWAL_SECONDS * 10))
	lab_up renewal --token-lifetime 20s --log-level info
	long=$started ops=$KLAMM_OPS_URL
	logs_in renewal
	launch $patience "renewal python" "$python" "$interop/python/client.py" renewal
	old_clients renewal renewal
	for shape in entra old file; do
		launch $patience "renewal java $shape" bash "$interop/java/client.sh" "$shape" renewal
	done
	launch $patience "renewal franz-go" "$run/franz" renewal
	launch $patience "renewal kafkajs" node "$interop/kafkajs/client.cjs" renewal
	# kafkajs logs in anew when a session has less than 10 s left: with these tokens before each request.
	lab_up renewal-8s --token-lifetime 8s --log-level info
	launch $patience "renewal kafkajs 8 s" node "$interop/kafkajs/client.cjs" renewal
	verdicts
	check 10 "renewal connections" python3 "$interop/renewed.py" "$ops"
	check 10 "renewal connections 8 s" python3 "$interop/renewed.py" "$KLAMM_OPS_URL"
	end "$started"
	end "$long"
}

serve() {
	local dir=$run/serve kafka_port ops_port
	prepare "Apache Kafka started" bash "$interop/kafka/start.sh" "$run/kafka"
	prepared
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
	check $patience "serve configuration" "$klamm" check -c "$dir/klamm.yaml"
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
		check $patience "serve lab --upstream, $what" "$klamm" lab --upstream "$KAFKA_UPSTREAM_PLAINTEXT" --ports auto --check
	done
}

# journeys: each prints its steps, and those that need what cannot be had here.
journeys() {
	local name
	logs_in journeys
	for name in managed-identity entra-applications oidc-perf-test; do
		check $((patience * 2)) "journey $name" bash "$interop/journeys/$name.sh"
		sed -n -E 's/^[0-9]+ /         &/p' "$(log_of "journey $name")"
	done
}

# soak: librdkafka for JavaScript, which is built from its package, longer suites and a
# longer renewal.
soak() {
	local patience=1200 missing=() package
	for package in libcurl4-openssl-dev libssl-dev libsasl2-dev zlib1g-dev libzstd-dev liblz4-dev; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
	done
	[ ${#missing[@]} -eq 0 ] || die "to build @confluentinc/kafka-javascript: apt-get install ${missing[*]}"
	prepare "@confluentinc/kafka-javascript built" once "$interop/confluent/package.json" "$cache/confluent" build_confluent
	prepared
	lab_up soak --token-lifetime 20s
	logs_in soak
	confluent roundtrip
	confluent renewal
	check 10 "soak connections" python3 "$interop/renewed.py" "$KLAMM_OPS_URL"
	end "$started"
	rolling
	suite_full
	RENEWAL_SECONDS=${SOAK_RENEWAL_SECONDS:-600} # exported
	renewal
}

confluent() {
	check $patience "soak confluent $1" env "NODE_PATH=$cache/confluent/node_modules" \
		"LD_LIBRARY_PATH=$cache/confluent/node_modules/@confluentinc/kafka-javascript/build/deps" node "$interop/confluent/client.cjs" "$1"
}

build_confluent() {
	cp "$interop/confluent/package.json" "$cache/confluent/" &&
		npm install --silent --no-package-lock --ignore-scripts --prefix "$cache/confluent" &&
		(cd "$cache/confluent/node_modules/@confluentinc/kafka-javascript" && CKJS_LINKING=dynamic npx node-pre-gyp install --build-from-source)
}

mkdir -p "$cache"
for what in kafka suite/kafka tools-kafka tools-reference; do # of a run that could not clean up
	bash "$interop/kafka/stop.sh" "$run/$what"
done
for what in cluster rolling; do bash "$interop/cluster/stop.sh" "$run/$what/kafka"; done
rm -rf "$run" "$cache/logs"
mkdir -p "$run"
on_exit end_running
on_exit end_preparing

prepare "klamm built" make -s -C "$repo" build
prepare "franz-go client built" go build -C "$repo" -o "$run/franz" ./interop/franz
prepare "Python's clients installed" install_python requirements.txt venv python3
ancient=$(python310) || true
[ -z "$ancient" ] ||
	prepare "confluent-kafka 1.9.2 installed" install_python old-requirements.txt venv-3.10 "$ancient"
prepare "kafkajs installed" install_node
prepare "Apache Kafka's jars fetched" fetch_kafka
prepared

ordinary=(lab serve cluster tools suite azure renewal journeys)
long=(rolling soak)
[ $# -gt 0 ] || set -- "${ordinary[@]}"
for scenario in "$@"; do
	[[ " ${ordinary[*]} ${long[*]} " == *" $scenario "* ]] || die "$scenario: the scenarios are ${ordinary[*]} ${long[*]}"
	echo
	"$scenario"
done
printf '\n%s s in all' "$(seconds_since "$began")"
table_end
