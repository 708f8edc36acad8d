// A page that uses Jitsu's client for browsers: one request a call, never tried again.
import { jitsuAnalytics } from '@jitsu/js'
import { errors, plan, tell } from './page.js'

const main = async () => {
  const { host, key, calls, options } = await plan()
  const client = jitsuAnalytics({ host, writeKey: key, errorPolicy: (said) => errors.push(said), ...options })
  const say = ({ type, ...call }) => {
    switch (type) {
      case 'identify':
        return client.identify(call.userId, call.traits)
      case 'track':
        return client.track(call.event, call.properties)
      case 'page':
        return client.page({ name: call.name, ...call.properties })
      case 'group':
        return client.group(call.groupId, call.traits)
    }
  }
  for (const call of calls) await say(call)
  await tell({ ids: null, errors })
}

main().catch((error) => tell({ ids: [], errors: [String(error)] }))
