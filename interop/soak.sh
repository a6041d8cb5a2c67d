#!/usr/bin/env bash
# soak.sh: what is long. The machine's size first; then clients for longer (run.sh
# soak), Kafka's own parser against ours for PARSER_SECONDS, every fuzz target for
# FUZZTIME, and the benchmarks. One that fails does not stop the others; the last line
# counts them, and any failure is one of the whole.
source "$(dirname "$0")/lib.sh"
need go make
cd "$repo"
fuzz_time=${FUZZTIME:-110s}
began=$(micros)
logs=$cache/soak
on_exit end_running
rm -rf "$logs"
mkdir -p "$logs"

fuzz_targets() { # package and function on each line
	local file
	grep -rlE '^func Fuzz[A-Za-z0-9_]+\(' --include='*_test.go' internal token klammtest cmd | sort | while IFS= read -r file; do
		sed -n -E "s|^func (Fuzz[A-Za-z0-9_]+)\(.*|./$(dirname "$file") \1|p" "$file"
	done
}

printf 'machine: %s cores, %s GiB of memory, %s\n\n' "$(nproc)" "$(awk '/^MemTotal/ {printf "%.0f", $2 / 1048576}' /proc/meminfo)" "$(go version | cut -d ' ' -f 3-)"

status=0
bash "$interop/run.sh" soak || status=$?
echo

parser_seconds=${PARSER_SECONDS:-300}
check $((parser_seconds + 600)) "Kafka's own parser" bash "$interop/parser/compare.sh" "$parser_seconds" "$EPOCHSECONDS"

# The tool tells every three seconds how far it has come; the last of it is our figure.
fuzz='set -o pipefail
	go test -run "^$" -fuzz "^$2\$" -fuzztime "$3" -fuzzminimizetime 10x "$1" 2>&1 |
		awk "{ print } /execs:/ { last = \$0 } END { sub(/^fuzz:/, \"figure:\", last); print last }"'
targets=0
while read -r package target; do
	targets=$((targets + 1))
	check 1200 "$package $target" bash -c "$fuzz" - "$package" "$target" "$fuzz_time"
done < <(fuzz_targets)
[ "$targets" -gt 0 ] || die "no fuzz target was found"

check 3600 "benchmarks" make --no-print-directory bench
grep '^Benchmark' "$logs/benchmarks.log" || true

[ "$status" -eq 0 ] || failed=$((failed + 1))
printf '\n%d fuzz targets for %s each, clients and benchmarks: %s s in all, %d failures' "$targets" "$fuzz_time" "$(seconds_since "$began")" "$failed"
table_end
