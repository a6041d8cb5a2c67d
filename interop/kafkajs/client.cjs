// kafkajs as shipped, with a managed-identity token fetched by plain HTTP.
//
//     node client.cjs roundtrip|forbidden|wrong-pool|renewal
//
// Reads environment variables only (see `klamm lab --env-file`); kafkajs itself
// is found through NODE_PATH. Prints lines "figure: ..." and ends with 0 when it
// went as it should.
'use strict'

const { readFileSync } = require('node:fs')
const net = require('node:net')
const { setTimeout: sleep } = require('node:timers/promises')
const tls = require('node:tls')
const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = require('kafkajs')
const SnappyCodec = require('kafkajs-snappy')
const { env, expect, figure, main, renewal, roundtrip, seconds } = require('./checks.cjs')

CompressionCodecs[CompressionTypes.Snappy] = SnappyCodec // other clients write to the same topic

const wordsWithin = 15_000 // ms until a refused client has the gateway's words
const loginsWatched = 10_000 // ms during which its logins are counted
const loginsPerSecond = 2

// As Azure documents it: GET, with the Metadata header, and again after a 429. A token is
// used for a while, so that there are few of them: kafkajs, once it has begun to log in
// anew, does not get over a provider that fails.
const reuse = 500 // ms
let kept = { token: undefined, at: -Infinity }

function managedIdentityToken() {
  if (Date.now() - kept.at > reuse) kept = { token: ask(), at: Date.now() }
  return kept.token
}

async function ask() {
  const url = new URL(env.IMDS_TOKEN_URL)
  url.searchParams.set('api-version', '2025-04-07')
  url.searchParams.set('resource', env.KAFKA_RESOURCE)
  url.searchParams.set('client_id', env.AZURE_CLIENT_ID)
  let response
  for (let wait = 100; ; wait *= 2) {
    response = await fetch(url, { headers: { Metadata: 'true' } })
    if (response.status !== 429 || wait > 2_000) break
    await sleep(wait)
  }
  const body = await response.text()
  expect(response.ok, `managed identity endpoint: ${response.status}: ${body}`)
  return JSON.parse(body).access_token
}

// kafka counts its logins and its connections: one that is older than its token logs in anew.
function kafka(pool = env.KAFKA_IDENTITY_POOL_ID, count = { logins: 0, connections: 0 }) {
  return new Kafka({
    clientId: 'interop-kafkajs',
    brokers: [env.KAFKA_BOOTSTRAP_SERVER],
    ssl: { ca: [readFileSync(env.KAFKA_CA_FILE)] },
    sasl: {
      mechanism: 'oauthbearer',
      oauthBearerProvider: async () => {
        count.logins++
        return {
          value: await managedIdentityToken(),
          extensions: { logicalCluster: env.KAFKA_LOGICAL_CLUSTER_ID, identityPoolId: pool },
        }
      },
    },
    socketFactory: ({ host, port, ssl, onConnect }) => {
      count.connections++
      return tls.connect({ host, port, ...(net.isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
    },
    logLevel: logLevel.WARN,
  })
}

function connect(count) {
  return {
    async producer() {
      const producer = kafka(undefined, count.producer).producer({ idempotent: true, maxInFlightRequests: 1 })
      await producer.connect()
      return {
        send: (topic, messages) => producer.send({ topic, messages }),
        disconnect: () => producer.disconnect(),
      }
    },
    async consumer(groupId, topic, onMessage) {
      const consumer = kafka(undefined, count.consumer).consumer({ groupId })
      await consumer.connect()
      await consumer.subscribe({ topic, fromBeginning: true })
      const failed = new Promise((_, reject) => {
        consumer.on(consumer.events.CRASH, event => event.payload.restart || reject(event.payload.error))
      })
      failed.catch(() => {}) // whoever waits for it hears of it
      await consumer.run({ eachMessage: async ({ message }) => onMessage(message) })
      return { failed, disconnect: () => consumer.disconnect() } // waits for its last Fetch, up to 5 s
    },
  }
}

const counts = () => ({ producer: { logins: 0, connections: 0 }, consumer: { logins: 0, connections: 0 } })

// renewed ends without disconnecting: with sessions below 10 s kafkajs logs in anew for
// ever when it is told to, and lets no timer run meanwhile.
async function renewed() {
  const count = counts()
  await renewal(connect(count))
  for (const [who, { logins, connections }] of Object.entries(count)) {
    figure(`${who} logged in anew ${logins - connections} times, ${connections} connections`)
  }
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
  const count = { logins: 0, connections: 0 }
  let ref
  const producer = kafka(env.OKTA_IDENTITY_POOL_ID, count).producer()
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
  const rate = count.logins / (loginsWatched / 1000)
  figure(`${rate.toFixed(1)} logins/s`)
  expect(rate <= loginsPerSecond, `${count.logins} logins in ${loginsWatched} ms`)
  await producer.disconnect()
}

main({ roundtrip: () => roundtrip(connect(counts())), forbidden, 'wrong-pool': wrongPool, renewal: renewed })
