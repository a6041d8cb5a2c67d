"""config.py DIR EMULATORS_ENV KAFKA_ENV REFERENCE_ENV KAFKA_PORT OPS_PORT
config.py --brokers DIR

The world of the session: DIR/klamm.yaml and DIR/identity/ put klamm in front of one
Kafka, and DIR/ours/WHO.properties and DIR/reference/WHO.properties are what WHO
gives to the tools, for klamm and for the reference: another Kafka with its own
authorizer, where WHO is the same principal. With --brokers, the settings of the two,
DIR/kafka.properties and DIR/reference.properties, which are there first.
"""

import pathlib
import secrets
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "serve"))
import config as serve

# Who takes part. One application, which asks for its pool by the extension.
BINDINGS = {
    "admin": [("CloudClusterAdmin", "")],
    "owner": [("ResourceOwner", f'{kind}: "orders.*"') for kind in ("topic", "group", "transactional_id")],
    "manager": [("DeveloperManage", f'{kind}: "orders.*"') for kind in ("topic", "group")],
    "reader": [("DeveloperRead", "topic: orders.placed"), ("DeveloperRead", "group: orders.billing"), ("DeveloperRead", "group: orders.sharing")],
    "writer": [("DeveloperWrite", "topic: orders.placed"), ("DeveloperWrite", "transactional_id: orders.till")],
    "nobody": [],
}


def principal(who):
    return f"pool-{who}"


def pools_yaml(entra, env):
    documents = []
    for who, bindings in BINDINGS.items():
        documents.append(
            f"kind: IdentityPool\nid: {principal(who)}\nprovider: op-entra\nidentity_claim: claims.azp\n"
            f'filter: claims.azp == "{env["OAUTH_CLIENT_ID"]}"\n'
        )
        for role, resource in bindings:
            on = ", ".join(filter(None, (f"cluster: {serve.CLUSTER}", resource)))
            documents.append(f'{{kind: RoleBinding, principal: "User:{principal(who)}", role: {role}, on: {{{on}}}}}\n')
    return "---\n".join(documents)


def login_at_klamm(who, env, directory):
    module = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
    return f"""\
bootstrap.servers=127.0.0.1:{env["port"]}
security.protocol=SASL_SSL
ssl.truststore.type=PEM
ssl.truststore.location={directory}/tls/ca.crt
sasl.mechanism=OAUTHBEARER
sasl.login.callback.handler.class=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler
sasl.oauthbearer.token.endpoint.url={env["OAUTH_TOKEN_URL"]}
sasl.oauthbearer.client.credentials.client.id={env["OAUTH_CLIENT_ID"]}
sasl.oauthbearer.client.credentials.client.secret={env["OAUTH_CLIENT_SECRET"]}
sasl.oauthbearer.scope={env["OAUTH_SCOPE"]}
sasl.jaas.config={module} required ssl.truststore.type="PEM" ssl.truststore.location="{env["KAFKA_CA_FILE"]}" \
extension_logicalCluster="{serve.CLUSTER}" extension_identityPoolId="{principal(who)}";
"""


def login_at_reference(who, reference, passwords):
    module = "org.apache.kafka.common.security.plain.PlainLoginModule"
    return f"""\
bootstrap.servers={reference["KAFKA_UPSTREAM"]}
security.protocol=SASL_SSL
ssl.truststore.type=PEM
ssl.truststore.location={reference["KAFKA_UPSTREAM_CA"]}
sasl.mechanism=PLAIN
sasl.jaas.config={module} required username="{principal(who)}" password="{passwords[principal(who)]}";
"""


MARK = " user_"  # before each user in the settings of the reference


# Members of share and streams groups get what is theirs with a heartbeat.
SOON = """\
group.share.min.heartbeat.interval.ms=200
group.share.heartbeat.interval.ms=200
group.streams.min.heartbeat.interval.ms=200
group.streams.heartbeat.interval.ms=200
group.streams.initial.rebalance.delay.ms=0
"""


def reference_properties():
    users = "".join(f'{MARK}{principal(who)}="{secrets.token_hex(16)}"' for who in BINDINGS)
    return f"""\
{SOON}\
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required{users};
"""


def passwords_of(settings):
    users = settings.rstrip().rstrip(";").split(MARK)[1:]
    return {name: password.strip('"') for name, password in (user.split("=") for user in users)}


def main(directory, emulators_env, kafka_env, reference_env, kafka_port, ops_port):
    directory = pathlib.Path(directory).resolve()
    env, upstream, reference = (serve.read_env(path) for path in (emulators_env, kafka_env, reference_env))
    entra, okta = serve.learn(env)
    passwords = passwords_of((directory / "reference.properties").read_text())
    for name in ("identity", "ours", "reference"):
        (directory / name).mkdir(mode=0o700, exist_ok=True)
    (directory / "klamm.yaml").write_text(serve.klamm_yaml(kafka_port, ops_port, upstream))
    (directory / "identity/providers.yaml").write_text(serve.providers_yaml(entra, okta, env))
    (directory / "identity/pools.yaml").write_text(pools_yaml(entra, env))
    for who in BINDINGS:
        (directory / f"ours/{who}.properties").write_text(login_at_klamm(who, env | {"port": kafka_port}, directory))
        (directory / f"reference/{who}.properties").write_text(login_at_reference(who, reference, passwords))


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--brokers":
        pathlib.Path(sys.argv[2], "kafka.properties").write_text(SOON)
        pathlib.Path(sys.argv[2], "reference.properties").write_text(reference_properties())
    elif len(sys.argv) == 7:
        main(*sys.argv[1:])
    else:
        sys.exit(f"usage: {__doc__}")
