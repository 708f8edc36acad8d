// A page that uses RudderStack's client for browsers.
import { RudderAnalytics } from '@rudderstack/analytics-js/bundled'
import { errors, leave, plan, tell } from './page.js'

const main = async () => {
  const { host, key, calls, options, leaves } = await plan()
  const client = new RudderAnalytics()
  client.load(key, host, { configUrl: host, logLevel: 'ERROR', ...options })
  await new Promise((resolve) => client.ready(resolve))
  const say = ({ type, timestamp, ...call }) => {
    const given = timestamp ? { originalTimestamp: timestamp.toISOString() } : {}
    switch (type) {
      case 'identify':
        return client.identify(call.userId, call.traits, given)
      case 'track':
        return client.track(call.event, call.properties, given)
      case 'page':
        return client.page(call.category, call.name, call.properties, given)
      case 'group':
        return client.group(call.groupId, call.traits, given)
      case 'alias':
        return client.alias(call.userId, call.previousId, given)
    }
  }
  for (const call of calls) say(call)
  if (leaves) return leave()
  await tell({ ids: null, errors })
}

main().catch((error) => tell({ ids: [], errors: [String(error)] }))
