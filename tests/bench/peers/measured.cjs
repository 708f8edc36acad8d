// Warm up, then run once over all events and tell what that cost, as `bench.measure.Cost` is written, and the first answer.
const WARMING = 2

exports.measured = async (events, one) => {
  const first = one(events[0])
  const waits = first instanceof Promise
  const all = waits ? async () => { for (const each of events) await one(each) } : () => { for (const each of events) one(each) }
  for (let round = 0; round < WARMING; round++) await all()
  const [cpu, wall] = [process.cpuUsage(), process.hrtime.bigint()]
  await all()
  const spent = process.cpuUsage(cpu)
  const took = Number(process.hrtime.bigint() - wall) / 1e9
  console.log(await first)
  console.log(JSON.stringify({ n: events.length, cpu_s: (spent.user + spent.system) / 1e6, wall_s: took }))
}
