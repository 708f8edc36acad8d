// A program that uses RudderStack's client for Node.
const RudderAnalytics = require('@rudderstack/rudder-sdk-node')
const { plan, tell } = require('./plan.cjs')

const main = async () => {
  const { host, key, calls, options } = plan()
  const errors = []
  const client = new RudderAnalytics(key, { dataPlaneUrl: host, logLevel: 'none', ...options })
  const done = calls.map(
    ({ type, ...call }) =>
      new Promise((resolve) =>
        client[type](call, (error) => {
          if (error) errors.push(String(error))
          resolve()
        }),
      ),
  )
  await client.flush()
  await Promise.all(done)
  tell({ ids: null, errors })
}

main()
