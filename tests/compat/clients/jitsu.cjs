// A program that uses Jitsu's client, server to server: one request a call, never tried again.
const { jitsuAnalytics } = require('@jitsu/js')
const { plan, tell } = require('./plan.cjs')

const main = async () => {
  const { host, key, calls, options } = plan()
  const errors = []
  const client = jitsuAnalytics({
    host,
    writeKey: key,
    s2s: true,
    fetch: globalThis.fetch,
    errorPolicy: (said) => errors.push(said),
    ...options,
  })
  const say = async ({ type, event, name, properties, groupId, traits, ...ids }) => {
    switch (type) {
      case 'track':
        return client.track(event, properties, ids)
      case 'page':
        return client.page({ name, ...properties }, ids)
      case 'identify':
        return client.identify(ids.userId, traits, ids)
      case 'group':
        return client.group(groupId, traits, ids)
    }
  }
  for (const call of calls) await say(call)
  tell({ ids: null, errors })
}

main()
