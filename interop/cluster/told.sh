#!/usr/bin/env bash
# told.sh redirects|sessions|transactions LOG: what Kafka's own client, which logs
# each request and answer as text (see log4j2.properties), sent and was told.
source "$(dirname "$0")/../lib.sh"
usage="told.sh redirects|sessions|transactions LOG"
[ $# -eq 2 ] || die "usage: $usage"
log=$2

lines() { grep -c -E -e "$1" "$log" || true; }

# Answers that name a new leader; those of Produce with its address, which is klamm's.
redirects() {
	local produced fetched other
	produced=$(lines 'Received PRODUCE .*errorCode=6,.*nodeEndpoints=\[NodeEndpoint\(')
	fetched=$(lines 'Received FETCH .*errorCode=(6|74),.*currentLeader=LeaderIdAndEpoch\(leaderId=[0-9].*nodeEndpoints=\[\]')
	other=$(lines "NodeEndpoint\([^)]*host='([^1]|1[^2]|12[^7]|127\.[^0])")
	echo "figure: $produced of Produce with klamm's address, $fetched of Fetch without one"
	[ "$other" -eq 0 ] || die "$other answers name another host than klamm's"
	[ "$produced" -gt 0 ] && [ "$fetched" -gt 0 ] || die "nobody was told of a new leader"
}

# Fetch sessions went on for long, and ended where a topic was refused.
sessions() {
	local longest ended
	longest=$(grep -o 'sessionId=[1-9][0-9]*, sessionEpoch=[0-9]*' "$log" | sed 's/.*=//' | sort -n | tail -n 1)
	ended=$(lines 'Received FETCH .*errorCode=70, sessionId=0')
	echo "figure: up to ${longest:-0} requests in a session, $ended ended by klamm"
	[ "${longest:-0}" -gt 10 ] || die "there was no fetch session"
	[ "$ended" -gt 0 ] || die "no session ended when a topic was refused"
}

# Of the second version: no AddPartitionsToTxn and no AddOffsetsToTxn, and Produce
# of version 12 or newer (KIP-890); of the first: the other way round.
transactions() {
	local added produced newer
	added=$(lines 'Sending ADD_(PARTITIONS|OFFSETS)_TO_TXN ')
	produced=$(lines 'Sending PRODUCE .*clientId=interop-java-transactions')
	newer=$(lines 'Sending PRODUCE .*apiVersion=1[2-9], clientId=interop-java-transactions')
	echo "figure: $added times AddPartitionsToTxn or AddOffsetsToTxn, $newer of $produced Produce of 12 or newer"
	[ "$produced" -gt 0 ] || die "nothing was produced"
	case $TRANSACTIONS in
	1) [ "$added" -gt 0 ] && [ "$newer" -eq 0 ] ;;
	2) [ "$added" -eq 0 ] && [ "$newer" -eq "$produced" ] ;;
	esac || die "these are not transactions of version $TRANSACTIONS"
}

case $1 in
redirects | sessions | transactions) "$1" ;;
*) die "usage: $usage" ;;
esac
