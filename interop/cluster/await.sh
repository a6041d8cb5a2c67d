# await.sh: what the scripts of this folder need that follow clients by what they
# say; sourced, after ../lib.sh.

# await WORD LOG...: until each client has said the word; prints the seconds it took.
await() {
	local began
	began=$(micros)
	wait_for 60 "$1" all_say "$@" || die "not all are $1"
	seconds_since "$began"
}

all_say() { [ -z "$(grep -L -x -F "$@")" ]; } # -L: names those that do not
