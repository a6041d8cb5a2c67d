"""identity.py: confluent-kafka with tokens of azure-identity, as its documentation has it.

DefaultAzureCredential finds its way by environment variables alone; AZURE_TOKEN_CREDENTIALS
names the one credential that it may be. What is said to it here: not to ask Microsoft whether
the authority is one of theirs.
"""

from azure.identity import DefaultAzureCredential
from azure.identity._version import VERSION

import common
from common import ENV, base, extensions, figure

credential = DefaultAzureCredential(disable_instance_discovery=True)


def token(_config):
    got = credential.get_token(ENV["KAFKA_SCOPE"])
    return got.token, got.expires_on, "", extensions(ENV["KAFKA_IDENTITY_POOL_ID"])


def settings(**more):
    return base(**more) | {"oauth_cb": token}


if __name__ == "__main__":
    common.roundtrip(settings)
    figure(f"azure-identity {VERSION} {ENV['AZURE_TOKEN_CREDENTIALS']}")
