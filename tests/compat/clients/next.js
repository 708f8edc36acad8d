// A page that uses Segment's client for browsers.
import { AnalyticsBrowser } from '@segment/analytics-next'
import { errors, leave, plan, tell } from './page.js'

const main = async () => {
  const { host, key, calls, options, leaves } = await plan()
  const [analytics] = await AnalyticsBrowser.load({ writeKey: key, cdnURL: host }, options)
  analytics.on('error', (error) => errors.push(`${error.code}: ${error.reason}`))
  const say = ({ type, timestamp, ...call }) => {
    const given = timestamp ? { timestamp } : {}
    switch (type) {
      case 'identify':
        return analytics.identify(call.userId, call.traits, given)
      case 'track':
        return analytics.track(call.event, call.properties, given)
      case 'page':
      case 'screen':
        return analytics[type](call.category, call.name, call.properties, given)
      case 'group':
        return analytics.group(call.groupId, call.traits, given)
      case 'alias':
        return analytics.alias(call.userId, call.previousId, given)
    }
  }
  const said = Promise.all(calls.map(say))
  if (leaves) return leave()
  const sent = await said
  await tell({ ids: sent.map((ctx) => ctx.event.messageId), errors })
}

main().catch((error) => tell({ ids: [], errors: [String(error)] }))
