"""decoded.py: reads the answer of a token endpoint from standard input and prints a
line NAME=JSON for each of its members and for each claim of its token, with
exp-iat, how many seconds the token lives. Tokens themselves are never printed.
"""

import base64
import json
import sys

answer = json.load(sys.stdin)
payload = answer.pop("access_token").split(".")[1]
claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
claims["exp-iat"] = claims["exp"] - claims["iat"]
for name, value in (answer | claims).items():
    print(f"{name}={json.dumps(value)}")
