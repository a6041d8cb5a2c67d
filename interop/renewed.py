"""renewed.py OPS_URL: the gateway's own account of a run with short tokens.

No login was refused, and each connection ended because its client hung up, be it in
the middle of its first login (as the client of the lab's proof does now and then), or
because its token ended while it was idle: Java and franz-go log in anew only when they
have something to send. What the clients say of it themselves, each of them has checked.
"""

import re
import sys
import urllib.request

SASL_AUTHENTICATE = 36


def main(ops):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback, never by a proxy
    with opener.open(f"{ops}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    renewals = sum(map(float, re.findall(rf'^klamm_requests_total{{api_key="{SASL_AUTHENTICATE}",.*}} (\S+)$', text, re.MULTILINE)))
    refused = re.findall(r'^klamm_login_seconds_count{outcome="(?!ok")([^"]*)"}', text, re.MULTILINE)
    ends = dict(re.findall(r'^klamm_connections_closed_total{.*reason="([^"]*)"} (\S+)$', text, re.MULTILINE))
    print(f"figure: {renewals:.0f} logins anew")
    print("figure: connections ended: " + ", ".join(f"{n} by {reason}" for reason, n in sorted(ends.items())))
    if not renewals:
        sys.exit("renewed.py: nobody logged in anew")
    if refused:
        sys.exit(f"renewed.py: logins were refused: {refused}")
    if set(ends) - {"client", "handshake", "session"}:
        sys.exit("renewed.py: a connection ended for another reason")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {__doc__.splitlines()[0]}")
    main(sys.argv[1])
