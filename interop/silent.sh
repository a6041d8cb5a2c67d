#!/usr/bin/env bash
# silent.sh TEXTS FILE...: none of the lines of the file TEXTS stands in any FILE.
# The texts themselves are never shown.
source "$(dirname "$0")/lib.sh"
texts=$1
shift
[ -s "$texts" ] || die "nothing to look for"
for file in "$@"; do [ -s "$file" ] || die "$file is empty or missing: there is nothing to look into"; done
if found=$(grep -l -F -f "$texts" "$@"); then die "stands in ${found//$'\n'/, }"; fi
