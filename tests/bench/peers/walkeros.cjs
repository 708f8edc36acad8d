// walkerOS to five HTTP destinations: `node walkeros.cjs PACKAGES EVENTS URL GROUP best|single`. Tells its cost last.
// At its best three batch, by its collector's own means; the others are its API destination, which sends each event alone. Ten events are
// pushed at a time and waited for, as a request of ten would be; nothing is stored.
const { readFileSync } = require('node:fs')
const { createRequire } = require('node:module')
const [packages, events, url, group, manner] = process.argv.slice(2)
const required = createRequire(`${packages}/`)
const { startFlow } = required('@walkeros/collector')
const { destinationAPI } = required('@walkeros/server-destination-api')
const { sendServer } = required('@walkeros/server-core')

const WARMING = 1_000
const BATCH = { wait: 20, size: 100 }
let sent = 0
const counted = async (...words) => {
  const answer = await sendServer(...words)
  if (!answer.ok) throw new Error(answer.error)
  return answer
}
const api = {
  code: { ...destinationAPI, env: { sendServer: async (...words) => { const answer = await counted(...words); sent++; return answer } } },
  config: { settings: { url } },
}
const batched = {
  code: {
    type: 'batched',
    config: {},
    push: () => { throw new Error('this one batches') },
    pushBatch: async (batch) => {
      await counted(url, JSON.stringify({ events: batch.events }))
      sent += batch.events.length
    },
  },
  config: { batch: BATCH },
}

// As its documentation maps a Segment track: entity and action, the rest as data, the person as user.
const own = (event) => ({
  name: event.event.toLowerCase(),
  id: event.messageId,
  data: event.properties,
  context: Object.fromEntries(Object.entries(event.context).map(([name, value], at) => [name, [value, at]])),
  user: { id: event.userId, device: event.anonymousId },
  timestamp: Date.parse(event.timestamp),
})

const main = async () => {
  const three = manner === 'best' ? batched : api
  const { collector } = await startFlow({ destinations: { a: three, b: three, c: three, d: api, e: api } })
  const lines = readFileSync(events, 'utf8').trimEnd().split('\n')
  const run = async (part) => {
    const until = sent + 5 * part.length
    for (let at = 0; at < part.length; at += Number(group))
      await Promise.all(part.slice(at, at + Number(group)).map((line) => collector.push(own(JSON.parse(line)))))
    while (sent < until) await new Promise((next) => setTimeout(next, 5))
    if (sent > until) throw new Error(`${sent - until} too many were sent`)
  }
  await run(lines.slice(0, WARMING))
  const [cpu, wall] = [process.cpuUsage(), process.hrtime.bigint()]
  await run(lines)
  const spent = process.cpuUsage(cpu)
  const took = Number(process.hrtime.bigint() - wall) / 1e9
  console.log(sent)
  console.log(JSON.stringify({ n: lines.length, cpu_s: (spent.user + spent.system) / 1e6, wall_s: took }))
  process.exit(0)
}
main()
