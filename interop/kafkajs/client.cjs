// kafkajs as shipped, with a managed-identity token fetched by plain HTTP.
//
//     node client.cjs roundtrip|forbidden|wrong-pool
//
// Reads environment variables only (see `klamm lab --env-file`); kafkajs itself
// is found through NODE_PATH. Prints lines "figure: ..." and ends with 0 when it
// went as it should.
'use strict'

const { randomUUID } = require('node:crypto')
const { readFileSync } = require('node:fs')
const { setTimeout: sleep } = require('node:timers/promises')
const { Kafka, logLevel } = require('kafkajs')

const env = process.env
const records = 50
const wordsWithin = 5_000 // ms until a refused client has the gateway's words
const loginsWatched = 10_000 // ms during which its logins are counted
const loginsPerSecond = 2

const figure = text => console.log(`figure: ${text}`)
const seconds = since => `${((Date.now() - since) / 1000).toFixed(1)} s`

function expect(condition, words) {
  if (!condition) throw new Error(words)
}

// As Azure documents it: GET, with the Metadata header.
async function managedIdentityToken() {
  const url = new URL(env.IMDS_TOKEN_URL)
  url.searchParams.set('api-version', '2025-04-07')
  url.searchParams.set('resource', env.KAFKA_RESOURCE)
  url.searchParams.set('client_id', env.AZURE_CLIENT_ID)
  const response = await fetch(url, { headers: { Metadata: 'true' } })
  const body = await response.text()
  expect(response.ok, `managed identity endpoint: ${response.status}: ${body}`)
  return JSON.parse(body).access_token
}

function kafka(pool = env.KAFKA_IDENTITY_POOL_ID, onLogin = () => {}) {
  return new Kafka({
    clientId: 'interop-kafkajs',
    brokers: [env.KAFKA_BOOTSTRAP_SERVER],
    ssl: { ca: [readFileSync(env.KAFKA_CA_FILE)] },
    sasl: {
      mechanism: 'oauthbearer',
      oauthBearerProvider: async () => {
        onLogin()
        return {
          value: await managedIdentityToken(),
          extensions: { logicalCluster: env.KAFKA_LOGICAL_CLUSTER_ID, identityPoolId: pool },
        }
      },
    },
    logLevel: logLevel.WARN,
  })
}

async function roundtrip() {
  const began = Date.now()
  const run = randomUUID()
  const missing = new Set(Array.from({ length: records }, (_, i) => `${run}-${i}`))
  const producer = kafka().producer()
  await producer.connect()
  await producer.send({
    topic: env.KAFKA_TOPIC,
    messages: [...missing].map(key => ({ key, value: 'interop' })),
  })
  await producer.disconnect()
  figure(`${records} produced ${seconds(began)}`)

  const produced = Date.now()
  const consumer = kafka().consumer({ groupId: env.KAFKA_GROUP })
  await consumer.connect()
  await consumer.subscribe({ topic: env.KAFKA_TOPIC, fromBeginning: true })
  await new Promise((resolve, reject) => {
    consumer.on(consumer.events.CRASH, event => reject(event.payload.error))
    consumer.run({
      eachMessage: async ({ message }) => {
        missing.delete(String(message.key))
        if (missing.size === 0) resolve()
      },
    })
  })
  figure(`consumed ${seconds(produced)}`)
  await consumer.disconnect() // waits for its last Fetch, up to 5 s
}

// kafkajs wraps Kafka's error and keeps of it only the words.
async function refused(action, name) {
  const error = await action.then(() => undefined, e => e)
  expect(error, `${name} was not refused`)
  expect(/topic authorization failed/i.test(error.message), `${name} ended with ${error.message}`)
}

async function forbidden() {
  const producer = kafka().producer()
  await producer.connect()
  await refused(
    producer.send({ topic: env.KAFKA_FORBIDDEN_TOPIC, messages: [{ value: 'never' }] }),
    'producing',
  )
  await producer.send({ topic: env.KAFKA_TOPIC, messages: [{ value: 'interop' }] })
  await producer.disconnect()

  const consumer = kafka().consumer({ groupId: env.KAFKA_GROUP })
  await consumer.connect()
  await refused(consumer.subscribe({ topic: env.KAFKA_FORBIDDEN_TOPIC }), 'consuming')
  await consumer.disconnect()
  figure('TOPIC_AUTHORIZATION_FAILED both ways')
}

// A pool of another provider: the gateway's words soon, and no storm of logins.
async function wrongPool() {
  const began = Date.now()
  let logins = 0
  let ref
  const producer = kafka(env.OKTA_IDENTITY_POOL_ID, () => logins++).producer()
  while (Date.now() - began < loginsWatched) {
    const error = await producer.connect().then(() => undefined, e => e)
    expect(error, 'the login was not refused')
    const found = /ref=\w+/.exec(error.message)
    expect(found, `the error carries no ref=: ${error.message}`)
    if (!ref) {
      ref = found[0]
      console.log(ref)
      figure(`ref after ${seconds(began)}`)
      expect(Date.now() - began <= wordsWithin, 'the words came too late')
    }
  }
  const rate = logins / (loginsWatched / 1000)
  figure(`${rate.toFixed(1)} logins/s`)
  expect(rate <= loginsPerSecond, `${logins} logins in ${loginsWatched} ms`)
  await producer.disconnect()
}

const whats = { roundtrip, forbidden, 'wrong-pool': wrongPool }
const what = whats[process.argv[2]]
if (!what) {
  console.error(`usage: client.cjs ${Object.keys(whats).join('|')}`)
  process.exit(2)
}
what().then(
  () => process.exit(0),
  error => {
    console.error('client.cjs:', error)
    process.exit(1)
  },
)
