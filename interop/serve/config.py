"""config.py DIR EMULATORS_ENV KAFKA_ENV KAFKA_PORT OPS_PORT

Writes what an operator would write to put klamm in front of a Kafka cluster:
DIR/klamm.yaml, DIR/identity/, and DIR/client.env for the clients. DIR/tls holds
the gateway's certificate already. What it has to know about the identity
providers it learns as an operator does: from a token and from discovery.
"""

import base64
import json
import pathlib
import ssl
import sys
import urllib.parse
import urllib.request

CLUSTER = "lkc-real"
TOPIC, FORBIDDEN, GROUP = "shipments", "salaries", "shipments-readers"


def klamm_yaml(kafka_port, ops_port, upstream):
    return f"""\
version: 1
listeners:
  kafka:
    address: "127.0.0.1:{kafka_port}"
    mechanisms: [OAUTHBEARER]
    tls: {{cert: tls/klamm.crt, key: tls/klamm.key}}
    brokers: {{ports: auto}}
  ops: 127.0.0.1:{ops_port}
clusters:
  {CLUSTER}:
    bootstrap: {json.dumps(upstream["KAFKA_UPSTREAM"].split(","))}
    tls: {{ca: {upstream["KAFKA_UPSTREAM_CA"]}}}
    login:
      mechanism: SCRAM-SHA-512
      username: {upstream["KAFKA_UPSTREAM_USER"]}
      password: {{file: {upstream["KAFKA_UPSTREAM_PASSWORD_FILE"]}}}
identity: {{files: ./identity}}
audit: {{file: audit.jsonl}}
"""


def providers_yaml(entra, okta, env):
    return f"""\
kind: Organization
id: 2b1c7f5e-6f0e-4a8e-9c59-3a1f0b6f7d10
environment: env-interop
---
kind: IdentityProvider
id: op-entra
type: entra
issuer: {entra["iss"]}
jwks_uri: {env["JWKS_URL"]}
ca: {env["KAFKA_CA_FILE"]}
audiences: ["{entra["aud"]}"]
---
kind: IdentityProvider
id: op-okta
issuer: {okta["iss"]}
jwks_uri: {okta["jwks_uri"]}
ca: {env["KAFKA_CA_FILE"]}
audiences: ["{okta["aud"]}"]
"""


def pools_yaml(entra, okta, env):
    return f"""\
# The user-assigned managed identity: reads and writes shipments, manages what is
# below shipments., and has transactional ids of its own.
kind: IdentityPool
id: pool-identity
provider: op-entra
identity_claim: claims.oid
filter: claims.aud == "{entra["aud"]}" && claims.azp == "{env["AZURE_CLIENT_ID"]}"
---
{{kind: RoleBinding, principal: "User:pool-identity", role: DeveloperWrite, on: {{cluster: {CLUSTER}, topic: "{TOPIC}*"}}}}
---
{{kind: RoleBinding, principal: "User:pool-identity", role: DeveloperRead, on: {{cluster: {CLUSTER}, topic: "{TOPIC}*"}}}}
---
{{kind: RoleBinding, principal: "User:pool-identity", role: DeveloperManage, on: {{cluster: {CLUSTER}, topic: "{TOPIC}.*"}}}}
---
{{kind: RoleBinding, principal: "User:pool-identity", role: DeveloperRead, on: {{cluster: {CLUSTER}, group: "{GROUP}*"}}}}
---
{{kind: RoleBinding, principal: "User:pool-identity", role: DeveloperManage, on: {{cluster: {CLUSTER}, group: "{GROUP}*"}}}}
---
{{kind: RoleBinding, principal: "User:pool-identity", role: DeveloperWrite, on: {{cluster: {CLUSTER}, transactional_id: "{GROUP}*"}}}}
---
# An application with a secret, and one of the other provider: one topic, and groups.
kind: IdentityPool
id: pool-application
provider: op-entra
identity_claim: claims.azp
filter: claims.aud == "{entra["aud"]}" && claims.azp == "{env["OAUTH_CLIENT_ID"]}"
---
kind: IdentityPool
id: pool-machine
provider: op-okta
identity_claim: claims.cid
filter: claims.aud == "{okta["aud"]}" && claims.cid == "{env["OKTA_CLIENT_ID"]}"
---
""" + "---\n".join(
        f'{{kind: RoleBinding, principal: "User:{pool}", role: {role}, on: {{cluster: {CLUSTER}, {resource}}}}}\n'
        for pool in ("pool-application", "pool-machine")
        for role, resource in (
            ("DeveloperWrite", f"topic: {TOPIC}"),
            ("DeveloperRead", f"topic: {TOPIC}"),
            ("DeveloperRead", f'group: "{GROUP}*"'),
        )
    )


def client_env(kafka_port, ops_port, env, directory):
    return env | {
        "KAFKA_BOOTSTRAP_SERVER": f"127.0.0.1:{kafka_port}",
        "KAFKA_CA_FILE": f"{directory}/tls/ca.crt",
        "KAFKA_LOGICAL_CLUSTER_ID": CLUSTER,
        "KAFKA_IDENTITY_POOL_ID": "pool-identity",
        "OAUTH_IDENTITY_POOL_ID": "pool-application",
        "OKTA_IDENTITY_POOL_ID": "pool-machine",
        "KAFKA_TOPIC": TOPIC,
        "KAFKA_FORBIDDEN_TOPIC": FORBIDDEN,
        "KAFKA_GROUP": GROUP,
        "KLAMM_OPS_URL": f"http://127.0.0.1:{ops_port}",
        "OAUTH_CA_FILE": env["KAFKA_CA_FILE"],  # the emulators have another CA than the gateway
    }


class Web:
    def __init__(self, ca):
        self.tls = ssl.create_default_context(cafile=ca)

    def json(self, url, headers=None, form=None):
        data = urllib.parse.urlencode(form).encode() if form else None
        request = urllib.request.Request(url, data, headers or {})
        # Never by a proxy: everything is on loopback.
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.tls)
        )
        with opener.open(request, timeout=10) as answer:
            return json.load(answer)


def claims(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def learn(env):
    """Issuer and audience of both providers, and the key set of the second one."""
    web = Web(env["KAFKA_CA_FILE"])
    query = urllib.parse.urlencode(
        {"api-version": "2018-02-01", "resource": env["KAFKA_RESOURCE"], "client_id": env["AZURE_CLIENT_ID"]}
    )
    entra = claims(web.json(f"{env['IMDS_TOKEN_URL']}?{query}", {"Metadata": "true"})["access_token"])

    basic = base64.b64encode(f"{env['OKTA_CLIENT_ID']}:{env['OKTA_CLIENT_SECRET']}".encode()).decode()
    form = {"grant_type": "client_credentials", "scope": env["OKTA_SCOPE"]}
    okta = claims(web.json(env["OKTA_TOKEN_URL"], {"Authorization": f"Basic {basic}"}, form)["access_token"])
    okta["jwks_uri"] = web.json(f"{okta['iss']}/.well-known/openid-configuration")["jwks_uri"]
    return entra, okta


def read_env(path):
    lines = pathlib.Path(path).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def main(directory, emulators_env, kafka_env, kafka_port, ops_port):
    directory = pathlib.Path(directory).resolve()
    env, upstream = read_env(emulators_env), read_env(kafka_env)
    entra, okta = learn(env)
    (directory / "identity").mkdir(parents=True, exist_ok=True)
    (directory / "klamm.yaml").write_text(klamm_yaml(kafka_port, ops_port, upstream))
    (directory / "identity/providers.yaml").write_text(providers_yaml(entra, okta, env))
    (directory / "identity/pools.yaml").write_text(pools_yaml(entra, okta, env))
    for_clients = client_env(kafka_port, ops_port, env, directory)
    (directory / "client.env").write_text("".join(f"{key}={value}\n" for key, value in for_clients.items()))
    (directory / "client.env").chmod(0o600)


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(f"usage: {__doc__.splitlines()[0]}")
    main(*sys.argv[1:])
