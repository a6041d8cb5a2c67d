"""confluent-kafka 1.9.2 as shipped, with client credentials: the first OIDC it had.

    old.py roundtrip|forbidden|renewal

It takes no CA for its token endpoint, so OAUTH_HTTP_TOKEN_URL is without TLS. It
knows no re-authentication. Reads environment variables only.
"""

import sys

from confluent_kafka import KafkaError, Producer

import common
import renewing
from common import ENV, base, expect, extensions, figure, keys, produce, setting


def settings(**more):
    return base(**more) | {
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.token.endpoint.url": ENV["OAUTH_HTTP_TOKEN_URL"],
        "sasl.oauthbearer.client.id": ENV["OAUTH_CLIENT_ID"],
        "sasl.oauthbearer.client.secret": ENV["OAUTH_CLIENT_SECRET"],
        "sasl.oauthbearer.scope": ENV["OAUTH_SCOPE"],
        "sasl.oauthbearer.extensions": setting(extensions(ENV["OAUTH_IDENTITY_POOL_ID"])),
    }


def roundtrip():
    common.roundtrip(settings)


def forbidden():
    errors = produce(Producer(settings()), ENV["KAFKA_FORBIDDEN_TOPIC"], keys(1))
    expect(errors and errors[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED, f"produce ended with {errors}")
    figure("TOPIC_AUTHORIZATION_FAILED")


def renewal():
    """Cut at the end of each token; connects again, and no record is lost, doubled or out of order."""
    renewing.renewal(settings, renewing.Cut)


WHATS = {f.__name__: f for f in (roundtrip, forbidden, renewal)}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in WHATS:
        sys.exit(f"usage: old.py {'|'.join(WHATS)}")
    WHATS[sys.argv[1]]()
