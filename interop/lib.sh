# Helpers of the scripts in this folder: sourced, never run.
# They start nothing by themselves and end only what they were told about.
set -Eeuo pipefail

interop=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(dirname "$interop")
cache=$interop/.cache # everything that is installed or written, ignored by git
kafka_libs=$cache/kafka-libs
old_kafka_libs=$cache/kafka-libs-3.2.1

die() {
	printf 'interop: %s\n' "$*" >&2
	exit 1
}

# need TOOL...: names everything that is missing at once.
need() {
	local tool missing=()
	for tool in "$@"; do
		command -v "$tool" >/dev/null || missing+=("$tool")
	done
	[ ${#missing[@]} -eq 0 ] || die "these tools are needed and not on PATH: ${missing[*]}"
}

# --- time ---------------------------------------------------------------------

micros() { printf '%s' "${EPOCHREALTIME/[.,]/}"; }

# seconds_since MICROS: with one decimal.
seconds_since() {
	local tenths=$((($(micros) - $1) / 100000))
	printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
	local limit=$1 what=$2 began
	shift 2
	began=$(micros)
	until "$@" >/dev/null 2>&1; do
		[ $((($(micros) - began) / 1000000)) -lt "$limit" ] || {
			printf 'interop: %s: not within %s s\n' "$what" "$limit" >&2
			return 1
		}
		sleep 0.1
	done
}

# retry TIMES COMMAND...: registries hiccup.
retry() {
	local times=$1 i
	shift
	for ((i = 1; i <= times; i++)); do
		"$@" && return 0
		[ "$i" -eq "$times" ] || sleep $((i * 3))
	done
	return 1
}

# once SOURCE TARGET COMMAND...: makes the folder TARGET, unless it was made from SOURCE as it is now.
once() {
	local source=$1 target=$2 want
	shift 2
	want=$(cksum <"$source")
	[ "$(cat "$target/.made-from" 2>/dev/null)" != "$want" ] || return 0
	rm -rf "$target"
	mkdir -p "$target"
	retry 3 "$@" || return 1
	printf '%s\n' "$want" >"$target/.made-from"
}

# --- what was started -----------------------------------------------------------

exits=()

# on_exit COMMAND...: run when the script ends, however it ends; last one first.
on_exit() {
	local command
	printf -v command '%q ' "$@"
	exits+=("$command")
}

run_exits() {
	local status=$? i
	trap - EXIT INT TERM
	set +e
	for ((i = ${#exits[@]} - 1; i >= 0; i--)); do eval "${exits[i]}"; done
	exit "$status"
}

trap run_exits EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# end PID [SECONDS]: asks, waits, insists. Only for processes that we started.
end() {
	local pid=$1 limit=${2:-10}
	kill -TERM "$pid" 2>/dev/null || return 0
	wait_for "$limit" "end of process $pid" gone "$pid" || kill -KILL "$pid" 2>/dev/null || true
}

gone() {
	local state
	state=$(ps -o stat= -p "$1") || return 0
	[[ $state == Z* ]]
}

# --- checks ---------------------------------------------------------------------

passed=0
failed=0

# check SECONDS NAME COMMAND...: one line with verdict, time and the figures that
# the command printed as lines "figure: …"; the rest of its output goes to the log.
check() {
	launch "$@"
	verdicts
}

running=() # process, seconds it may take, name, when it began: four for each check under way

# launch SECONDS NAME COMMAND...: begins a check; verdicts ends it.
launch() {
	local limit=$1 name=$2
	shift 2
	# In the background, so that an interrupt does not wait for the client.
	timeout --kill-after=5 "$limit" "$@" >"$(log_of "$name")" 2>&1 </dev/null &
	running+=("$!" "$limit" "$name" "$(micros)")
}

log_of() { printf '%s' "$logs/${1//[^A-Za-z0-9-]/_}.log"; }

# verdicts: of all checks that were launched, in that order.
verdicts() {
	local status
	while [ ${#running[@]} -gt 0 ]; do
		status=0
		wait "${running[0]}" || status=$?
		verdict "${running[2]}" "${running[1]}" "$status" "${running[3]}"
		running=("${running[@]:4}")
	done
}

verdict() { # verdict NAME LIMIT STATUS BEGAN
	local name=$1 limit=$2 status=$3 launched=$4 log figures
	log=$(log_of "$name")
	figures=$(sed -n 's/^figure: //p' "$log" | paste -s -d ';' | sed 's/;/; /g')
	if [ "$status" -eq 0 ]; then
		passed=$((passed + 1))
		printf 'ok     %5s s  %-46s %s\n' "$(seconds_since "$launched")" "$name" "$figures"
		return
	fi
	failed=$((failed + 1))
	[ "$status" -ne 124 ] || figures="did not end within $limit s"
	printf 'FAILED %5s s  %-46s %s\n' "$(seconds_since "$launched")" "$name" "$figures"
	tail -n 12 "$log" | cut -c 1-240 | sed 's/^/         | /'
	printf '         all of it: %s\n' "$log"
}

end_running() {
	local i
	for ((i = 0; i < ${#running[@]}; i += 4)); do end "${running[i]}"; done
}

# table_end: the last line, and the exit code of the whole run.
table_end() {
	printf '\n%d passed, %d failed\n' "$passed" "$failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

# --- networks, keys, environment files --------------------------------------------

# free_ports N HOST: ports that the system chose, all different.
free_ports() {
	python3 - "$@" <<-'PY'
		import socket, sys
		held = []
		for _ in range(int(sys.argv[1])):
		    s = socket.socket()
		    s.bind((sys.argv[2], 0))
		    held.append(s)
		print(*(s.getsockname()[1] for s in held))
	PY
}

listening() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

# make_ca DIR: DIR/ca.crt and DIR/ca.key, for a day.
make_ca() {
	mkdir -p "$1"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 \
		-subj "/CN=klamm interop CA" -addext "basicConstraints=critical,CA:TRUE" \
		-addext "keyUsage=critical,keyCertSign,cRLSign" \
		-keyout "$1/ca.key" -out "$1/ca.crt" 2>/dev/null
	chmod 600 "$1/ca.key"
}

# make_cert DIR NAME SAN: DIR/NAME.crt and DIR/NAME.key (PKCS#8), signed by DIR's CA.
make_cert() {
	local dir=$1 name=$2 san=$3
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" \
		-keyout "$dir/$name.key" -out "$dir/$name.csr" 2>/dev/null
	openssl x509 -req -in "$dir/$name.csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -CAcreateserial -days 1 \
		-extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\n' "$san") -out "$dir/$name.crt" 2>/dev/null
	rm -f "$dir/$name.csr"
	chmod 600 "$dir/$name.key"
}

# load_env FILE: exports KEY=value lines as they stand; the file is data, not a script.
load_env() {
	local key value
	[ -r "$1" ] || die "$1: no such file"
	while IFS='=' read -r key value; do
		[[ $key =~ ^[A-Z][A-Z0-9_]*$ ]] || die "$1: not KEY=value: $key"
		export "$key=$value"
	done < <(grep -v -e '^#' -e '^$' "$1")
}
