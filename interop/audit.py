"""audit.py AUDIT_FILE CLIENT_LOG...: the gateway's own account of what the clients saw.

Every reference that a client was given is a refused authentication in the audit
log, and in no ten seconds did one identity log in more than twenty times.
"""

import collections
import datetime
import json
import pathlib
import re
import sys

SECONDS, LOGINS = 10, 20


def refusals(path):
    """Refused authentications: reference -> (whose token it was, time)."""
    found = {}
    for line in pathlib.Path(path).read_text().splitlines():
        event = json.loads(line)
        event = event.get("event", event)
        data = event["data"]
        if data.get("result", {}).get("status") == "UNAUTHENTICATED":
            when = datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
            found[event["id"]] = (data["authenticationInfo"]["metadata"]["identifier"], when)
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
    for identity, when in refused.values():
        times[identity].append(when)
    busiest = max(most_within(SECONDS, at) for at in times.values())
    print(f"figure: {len(told)} references")
    print(f"figure: at most {busiest} logins of one identity in {SECONDS} s")
    if busiest > LOGINS:
        sys.exit(f"audit.py: more than {LOGINS}")


def most_within(seconds, times):
    """The largest number of times that lie within so many seconds."""
    times, window = sorted(times), datetime.timedelta(seconds=seconds)
    return max(sum(begin <= at < begin + window for at in times) for begin in times)


if __name__ == "__main__":
    main(*sys.argv[1:])
