// What the JavaScript clients here have in common. connect has two functions that
// return connected clients:
//
//     producer()                           with send(topic, messages) and disconnect()
//     consumer(groupId, topic, onMessage)  with disconnect(); failed is a promise that
//                                          rejects when it can go on no longer
'use strict'

const { randomUUID } = require('node:crypto')
const { setTimeout: sleep } = require('node:timers/promises')

const env = process.env
const records = 50
const perSecond = 20
const patience = 30_000 // ms for anything that should succeed

const figure = text => console.log(`figure: ${text}`)
const seconds = since => `${((Date.now() - since) / 1000).toFixed(1)} s`

function expect(condition, words) {
  if (!condition) throw new Error(words)
}

const group = () => `${env.KAFKA_GROUP}-${randomUUID().slice(0, 8)}`

// within rejects when the condition does not come true in time, or failed rejects.
async function within(condition, failed, words) {
  const deadline = Date.now() + patience
  const watch = async () => {
    while (!condition()) {
      expect(Date.now() < deadline, words())
      await sleep(50)
    }
  }
  await Promise.race([watch(), failed])
}

async function roundtrip(connect) {
  const began = Date.now()
  const run = randomUUID()
  const missing = new Set(Array.from({ length: records }, (_, i) => `${run}-${i}`))
  const producer = await connect.producer()
  await producer.send(env.KAFKA_TOPIC, [...missing].map(key => ({ key, value: 'interop' })))
  await producer.disconnect()
  figure(`${records} produced ${seconds(began)}`)

  const produced = Date.now()
  const consumer = await connect.consumer(group(), env.KAFKA_TOPIC, message => missing.delete(String(message.key)))
  await within(() => missing.size === 0, consumer.failed, () => `${missing.size} of ${records} records did not come back`)
  figure(`consumed ${seconds(produced)}`)
  await consumer.disconnect()
}

// renewal produces and consumes for RENEWAL_SECONDS while tokens end: every record comes
// once and in order, for they have one key. Returns both clients, still connected.
async function renewal(connect) {
  const key = randomUUID()
  const came = []
  const producer = await connect.producer()
  const consumer = await connect.consumer(group(), env.KAFKA_TOPIC, message => {
    if (String(message.key) === key) came.push(Number(String(message.value)))
  })
  const began = Date.now()
  let sent = 0
  while (Date.now() - began < Number(env.RENEWAL_SECONDS) * 1000) {
    await producer.send(env.KAFKA_TOPIC, [{ key, value: String(sent++) }])
    await sleep(1000 / perSecond)
  }
  await within(() => came.length >= sent, consumer.failed, () => `only ${came.length} of ${sent} records came back`)
  await sleep(1000) // what comes twice comes now
  const wrong = came.findIndex((value, i) => value !== i)
  expect(came.length === sent && wrong < 0, `${sent} records sent, ${came.length} came back, number ${wrong} was ${came[wrong]}`)
  figure(`${sent} records once and in order`)
  return { producer, consumer }
}

// main runs the one of whats that the command line names.
function main(whats) {
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
}

module.exports = { env, expect, figure, main, renewal, roundtrip, seconds }
