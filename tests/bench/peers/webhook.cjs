// rudder-transformer's webhook in process: `node webhook.cjs CHECKOUT EVENTS bytes|decoded`. Tells its cost as its last line.
// The checkout is compiled. `isolated-vm`, in which it runs its users' own scripts, is a native module that a webhook does not use.
const { readFileSync } = require('node:fs')
const Module = require('node:module')
const [checkout, events, what] = process.argv.slice(2)
const load = Module._load
Module._load = function (name, ...rest) {
  return name === 'isolated-vm' ? {} : load.call(this, name, ...rest)
}
process.chdir(`${checkout}/dist`)
const { processCdkV2Workflow } = require(`${checkout}/dist/src/cdk/v2/handler.js`)
const { measured } = require('./measured.cjs')

const destination = { ID: 'd', Name: 'w', Config: { webhookUrl: 'https://hooks.example.com/in', webhookMethod: 'POST', headers: [] } }
const mapped = async (message) =>
  JSON.stringify((await processCdkV2Workflow('webhook', { message, destination, metadata: {} }, 'processor')).body.JSON)
const lines = readFileSync(events, 'utf8').trimEnd().split('\n')
measured(
  what === 'bytes' ? lines : lines.map((line) => JSON.parse(line)),
  what === 'bytes' ? (line) => mapped(JSON.parse(line)) : mapped,
).then(() => process.exit(0))
