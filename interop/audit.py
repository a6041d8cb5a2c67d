"""audit.py AUDIT_FILE CLIENT_LOG...: the gateway's own account of what the clients saw.

Every reference that a client was given is a refused authentication in the audit
log, and between its first and its last refusal no client logged in more than
twice a second.
"""

import collections
import datetime
import json
import pathlib
import re
import sys

LOGINS_PER_SECOND = 2.0


def refusals(path):
    """Refused authentications: reference -> (client id, time)."""
    found = {}
    for line in pathlib.Path(path).read_text().splitlines():
        event = json.loads(line)
        event = event.get("event", event)
        data = event["data"]
        if data.get("result", {}).get("status") == "UNAUTHENTICATED":
            when = datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
            found[event["id"]] = (data.get("request", {}).get("clientId", "unnamed"), when)
    return found


def main(audit_file, *logs):
    refused = refusals(audit_file)
    told = set()
    for log in logs:
        told |= set(re.findall(r"^ref=(\w+)", pathlib.Path(log).read_text(errors="replace"), re.MULTILINE))
    if not told:
        sys.exit("audit.py: no client was told a reference")
    unknown = told - refused.keys()
    if unknown:
        sys.exit(f"audit.py: {len(unknown)} of {len(told)} references are not in the audit log: {sorted(unknown)[:3]}")

    times = collections.defaultdict(list)
    for client, when in refused.values():
        times[client].append(when)
    storms = []
    for client, at in sorted(times.items()):
        span = (max(at) - min(at)).total_seconds()
        rate = (len(at) - 1) / span if span else 0.0
        print(f"figure: {client.removeprefix('interop-')} {rate:.1f}/s")
        if rate > LOGINS_PER_SECOND:
            storms.append(client)
    if storms:
        sys.exit(f"audit.py: more than {LOGINS_PER_SECOND:.0f} logins a second: {', '.join(storms)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
