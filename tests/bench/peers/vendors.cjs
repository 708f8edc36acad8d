// rudder-transformer's own code for six vendors, in process: `node vendors.cjs CHECKOUT EVENTS NAME cost|fields`. Event as
// text to the object of its request, not encoded and not batched: what that costs, or how many fields an event has in it.
// The checkout is compiled; `isolated-vm`, in which it runs its users' own scripts, is a native module that no vendor here uses.
const { readFileSync } = require('node:fs')
const Module = require('node:module')
const [checkout, events, name, what] = process.argv.slice(2)
const NOW = Date.parse('2025-11-24T18:00:00Z') // some of it refuses old events
const load = Module._load
Module._load = function (wanted, ...rest) {
  return wanted === 'isolated-vm' ? {} : load.call(this, wanted, ...rest)
}
globalThis.Date = class extends Date {
  constructor(...given) {
    super(...(given.length ? given : [NOW]))
  }
  static now() {
    return NOW
  }
}
process.env.LOG_LEVEL = 'none'
process.chdir(`${checkout}/dist`)
const { measured } = require(`${__dirname}/measured.cjs`)

const VENDORS = {
  amplitude: ['am', { apiKey: 'k', residencyServer: 'standard' }],
  mixpanel: ['mp', { token: 't', apiSecret: 's', dataResidency: 'us', identityMergeApi: 'simplified', strictMode: true, useNewMapping: true }],
  'facebook-conversions-api': ['facebook_conversions', { datasetId: '1', accessToken: 't', actionSource: 'website', eventsToEvents: [], blacklistPiiProperties: [], whitelistPiiProperties: [] }],
  braze: ['braze', { restApiKey: 'k', dataCenter: 'US-01', appKey: 'a', trackAnonymousUser: true }],
  'customer-io': ['customerio', { siteID: 's', apiKey: 'k', datacenter: 'US' }],
}
const sent = (config) => ({ ID: 'd', Name: 'd', Config: config, DestinationDefinition: { Config: {} } })
const mapper = () => {
  if (name === 'webhook') {
    const { processCdkV2Workflow } = require(`${checkout}/dist/src/cdk/v2/handler.js`)
    const destination = sent({ webhookUrl: 'https://hooks.example.com/in', webhookMethod: 'POST', headers: [] })
    return (message) => processCdkV2Workflow('webhook', { message, destination, metadata: {} }, 'processor')
  }
  const [folder, config] = VENDORS[name]
  const { process: one } = require(`${checkout}/dist/src/v0/destinations/${folder}/transform.js`)
  const destination = sent(config)
  return (message) => one({ message, destination, metadata: {} })
}
const leaves = (value) =>
  value !== null && typeof value === 'object' ? Object.values(value).reduce((n, each) => n + leaves(each), 0) : value === undefined ? 0 : 1
const listed = (text) => (text === undefined ? 0 : leaves([text].flat().map((one) => JSON.parse(one))))
const fields = ({ JSON: one, JSON_ARRAY: many, FORM: form }) => leaves(one) + listed(many?.batch) + listed(form?.data)
const run = async () => {
  const one = mapper()
  const lines = readFileSync(events, 'utf8').trimEnd().split('\n')
  if (what === 'cost') await measured(lines, (line) => one(JSON.parse(line)))
  else {
    let n = 0
    for (const line of lines) for (const made of [await one(JSON.parse(line))].flat()) n += fields(made.body)
    console.log(n / lines.length)
  }
  process.exit(0)
}
run()
