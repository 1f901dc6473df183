// A channel of Tajdeed in JavaScript: it sends applications and learns what becomes of them.
//
//   node channel.js apply < RESIDENT.json      the whole story; ../README.md tells it
//   node channel.js partitions TOPIC < KEYS    in which partition each key is placed

import { randomUUID } from 'node:crypto'
import { json, text } from 'node:stream/consumers'
import { compatibilityPartitioner, Consumer, MessagesStreamModes, MessagesStreamFallbackModes, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'

const { TAJDEED_BROKERS: brokers, TAJDEED_CHANNEL: channel, TAJDEED_PREFIX: prefix = 'tajdeed' } = process.env
const submissions = `${prefix}.submissions.${channel}`
const decisions = `${prefix}.decisions.${channel}`
const [DECISION, UNREADABLE] = ['tajdeed.decision.v1', 'tajdeed.submission.unreadable.v1']
const client = { clientId: `channel.${channel}`, bootstrapBrokers: brokers.split(',') }

// A real channel keeps these three in its database.
const applications = new Map() // by application_id: the text that was sent, and what became of it
const expected = new Map() // by the place of a message: the answer that is still to be read
const handled = new Map() // by topic and partition of a cause: the highest offset whose answer was read
let published = 0
let answered = 0
let producer = newProducer()

function newProducer() {
  return new Producer({
    ...client,
    idempotent: true, // implies acks=all
    partitioner: compatibilityPartitioner, // the default is murmur2 too, but places keys elsewhere than Java's client
    serializers: stringSerializers, // jsonSerializer would put quotes around the key
    retries: 5,
  })
}

// publish publishes once, and returns where the message lies.
async function publish(topic, key, value) {
  const headers = {
    ce_specversion: '1.0', ce_id: randomUUID(), ce_source: `/channels/${channel}`,
    ce_type: 'tajdeed.application.submitted.v1', 'content-type': 'application/json',
  }
  const { offsets: [placed] } = await producer.send({ messages: [{ topic, key, value, headers }] })
  return placed
}

async function submit(application, options) {
  // Stored before it is sent: whatever happens from here on, the same text can be sent again.
  const payload = JSON.stringify(application)
  applications.set(application.application_id, { payload, outcome: null, revision: 0 })
  await send(application.civil_id, payload, 'first', options)
}

async function send(key, payload, answer, { loseAcknowledgement = false } = {}) {
  for (let attempt = 0; attempt < 5; attempt++) {
    try {
      const placed = await publish(submissions, key, payload)
      published++
      if (loseAcknowledgement && attempt === 0) throw new Error('simulated')
      expected.set(placeOf(placed), answer)
      return
    } catch (error) {
      // Nobody knows whether the message lies there. To send the same again is right in both
      // cases: it is decided once, and answered as often as it lies there. By a new producer:
      // this one numbers its next message as it numbered the lost one, and brokers that have
      // that one would take the next for a repetition and drop it.
      answer = answer.replace('first', 'first or resend')
      console.log(`no acknowledgement (${error.message}): the same is sent again`)
      await producer.close().catch(() => {})
      producer = newProducer()
    }
  }
  throw new Error('nothing is acknowledged: the application stays in the store, to be sent later')
}

async function readAnswers() {
  // The channel's own group, under the same name at every start. Where it has no position yet
  // it begins at the beginning: "latest" would miss what is answered before it joins.
  const consumer = new Consumer({ ...client, groupId: client.clientId, deserializers: stringDeserializers, autocommit: false })
  const stream = await consumer.consume({
    topics: [decisions], mode: MessagesStreamModes.COMMITTED, fallbackMode: MessagesStreamFallbackModes.EARLIEST,
  })
  const impatience = setTimeout(() => stream.destroy(new Error('not as expected: there is no answer within 60 s')), 60_000)
  for await (const message of stream) {
    receive(message.headers.get('ce_type'), message.value)
    await message.commit() // only now: what was not handled comes again
    impatience.refresh()
    if (expected.size === 0 && [...applications.values()].every((a) => a.outcome)) break
  }
  clearTimeout(impatience)
  await consumer.close(true)
}

function receive(type, value) {
  if (type !== DECISION && type !== UNREADABLE) return // an event that only a later edition knows
  const answer = JSON.parse(value) // it may have fields that nobody here asks for
  const { cause } = answer
  const source = `${cause.topic}/${cause.partition}`
  if (cause.offset <= (handled.get(source) ?? -1)) return // delivered again
  handled.set(source, cause.offset)
  const wanted = expected.get(placeOf(cause)) // undefined where the acknowledgement was lost
  expected.delete(placeOf(cause))
  const application = applications.get(answer.application_id)
  if (!wanted && !application) return // an answer to somebody else in this channel
  answered += cause.topic === submissions
  const got = type === UNREADABLE ? 'unreadable' : answer.disposition
  check(!wanted || wanted.includes(got), `${got} where ${wanted} belongs`)
  if (application) decided(application, answer)
  // An unreadable message has no application_id: its place says which one it was.
  else console.log(`unreadable ${answer.rule} ${answer.field}`)
}

function decided(application, answer) {
  // A conflict is about its message only: the first application stays as it was.
  if (['first', 'resend'].includes(answer.disposition)) {
    if (answer.revision < application.revision) return // of two answers to one application the higher revision holds
    application.revision = answer.revision
    // An outcome that is new to us is not final: the applicant still waits.
    application.outcome = ['approved', 'rejected'].includes(answer.outcome) ? answer.outcome : null
    if (application.outcome) application.payload = null // it is not sent again: passport and receipt can go
  }
  // Programs read the code. People read the text, also that of a code which is new to us.
  const reasons = answer.reasons.map(({ code, en }) => `${code}: ${en}`).join('; ')
  console.log(`${answer.disposition.padEnd(10)} ${answer.application_id} ${answer.outcome} ${reasons}`)
}

// placeOf names a place as a key of a map; offsets are numbers in answers and bigints in acknowledgements.
function placeOf({ topic, partition, offset }) {
  return `${topic}/${partition}/${offset}`
}

function check(holds, what) {
  if (!holds) throw new Error(`not as expected: ${what}`)
}

function applicationOf(resident, more) {
  const kuwait = (days) => new Date(Date.now() + (3 + 24 * days) * 3_600_000).toISOString().slice(0, 10) // Kuwait's days, wherever this runs
  return {
    application_id: randomUUID(), kind: 'renewal', months: 12, ...resident, ...more,
    submitted_by: 'delegate-7', submitted_at: new Date().toISOString(),
    insurance: { policy: 'HI-88120044', from: kuwait(0), to: kuwait(730) },
  }
}

async function apply(resident) {
  const unpaid = applicationOf(resident)
  await submit(unpaid, { loseAcknowledgement: true })
  const fee = { receipt: `KNET-${Date.now()}`, amount_fils: 20000, paid_at: unpaid.submitted_at }
  const paid = applicationOf(resident, { fee })
  await submit(paid)
  await send(resident.civil_id, applications.get(paid.application_id).payload, 'resend')
  await send(resident.civil_id, JSON.stringify({ ...paid, months: 24 }), 'conflict')
  await send(resident.civil_id, JSON.stringify({ ...paid, months: '12' }), 'unreadable')
  await readAnswers()
  const outcomes = [unpaid, paid].map((a) => applications.get(a.application_id).outcome)
  check(`${outcomes}` === 'rejected,approved', `${outcomes} without and with the fee`)
  check(answered >= published, `${published} messages, ${answered} answers`)
  console.log(`${published} messages, ${answered} answers, all as expected`)
}

if (process.argv[2] === 'apply') await apply(await json(process.stdin))
else for (const key of (await text(process.stdin)).split(/\s+/).filter(Boolean)) console.log(key, (await publish(process.argv[3], key, '')).partition)
await producer.close()
