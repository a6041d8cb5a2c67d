"""tokens.py COMMANDS: runs each line of the file in a shell, as somebody who pasted
it would; each has to print a JSON object with a JWT as access_token, and those
of the tenant AZURE_TENANT_ID are v2 tokens: the issuer says so.
"""

import base64
import json
import os
import pathlib
import subprocess
import sys


def claims(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def main(commands):
    entra = f"https://login.microsoftonline.com/{os.environ['AZURE_TENANT_ID']}/v2.0"
    issuers = []
    for command in pathlib.Path(commands).read_text().splitlines():
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=20, check=False)
        if done.returncode != 0:
            sys.exit(f"tokens.py: exit code {done.returncode}: {command}\n{done.stderr}")
        issuers.append(claims(json.loads(done.stdout)["access_token"])["iss"])
    if issuers.count(entra) != 2 or len(issuers) != 3:
        sys.exit(f"tokens.py: issuers {issuers}; wanted are two of {entra} and another")
    print(f"figure: {len(issuers)} tokens")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {__doc__.splitlines()[0]}")
    main(sys.argv[1])
