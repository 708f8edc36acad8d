// A program that uses Segment's client for Node.
const { Analytics } = require('@segment/analytics-node')
const { plan, tell } = require('./plan.cjs')

const main = async () => {
  const { host, key, calls, options } = plan()
  const errors = []
  const analytics = new Analytics({ host, writeKey: key, ...options })
  analytics.on('error', (error) => errors.push(`${error.code}: ${error.reason}`))
  const ids = await Promise.all(
    calls.map(
      ({ type, ...call }) =>
        new Promise((resolve) =>
          analytics[type](call, (error, ctx) => {
            if (error) errors.push(String(error))
            resolve(ctx.event.messageId)
          }),
        ),
    ),
  )
  await analytics.closeAndFlush()
  tell({ ids, errors })
}

main()
