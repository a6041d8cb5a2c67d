// @confluentinc/kafka-javascript as shipped, with azure_imds: settings only.
//
//     node client.cjs roundtrip|renewal
//
// Reads environment variables only (see `klamm lab --env-file`); the package is found
// through NODE_PATH. Prints lines "figure: ..." and ends with 0 when it went as it should.
'use strict'

const { Kafka } = require('@confluentinc/kafka-javascript').KafkaJS
const { env, main, renewal, roundtrip } = require('../kafkajs/checks.cjs')

const query = `api-version=2025-04-07&resource=${env.KAFKA_RESOURCE}&client_id=${env.AZURE_CLIENT_ID}`
const kafka = new Kafka({
  'bootstrap.servers': env.KAFKA_BOOTSTRAP_SERVER,
  'client.id': 'interop-confluent',
  'security.protocol': 'SASL_SSL',
  'ssl.ca.location': env.KAFKA_CA_FILE,
  'sasl.mechanisms': 'OAUTHBEARER',
  'sasl.oauthbearer.method': 'oidc',
  'sasl.oauthbearer.metadata.authentication.type': 'azure_imds',
  'sasl.oauthbearer.token.endpoint.url': env.IMDS_TOKEN_URL,
  'sasl.oauthbearer.config': `query=${query}`,
  'sasl.oauthbearer.extensions': `logicalCluster=${env.KAFKA_LOGICAL_CLUSTER_ID},identityPoolId=${env.KAFKA_IDENTITY_POOL_ID}`,
})

const connect = {
  async producer() {
    const producer = kafka.producer({ 'enable.idempotence': true })
    await producer.connect()
    return {
      send: (topic, messages) => producer.send({ topic, messages }),
      disconnect: () => producer.disconnect(),
    }
  },
  async consumer(groupId, topic, onMessage) {
    const consumer = kafka.consumer({ 'group.id': groupId, 'auto.offset.reset': 'earliest' })
    await consumer.connect()
    await consumer.subscribe({ topic })
    await consumer.run({ eachMessage: async ({ message }) => onMessage(message) })
    return { failed: new Promise(() => {}), disconnect: () => consumer.disconnect() }
  },
}

async function renewed() {
  const { producer, consumer } = await renewal(connect)
  await producer.disconnect()
  await consumer.disconnect()
}

main({ roundtrip: () => roundtrip(connect), renewal: renewed })
