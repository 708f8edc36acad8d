// Segment's mapping-kit: `node mapping.cjs PACKAGES EVENTS MAPPING bytes|decoded`. Tells its cost as its last line.
const { readFileSync } = require('node:fs')
const { createRequire } = require('node:module')
const [packages, events, mapping, what] = process.argv.slice(2)
const { transform } = createRequire(`${packages}/`)('@segment/actions-core/mapping-kit')
const { measured } = require('./measured.cjs')

const fields = JSON.parse(readFileSync(mapping, 'utf8'))
const lines = readFileSync(events, 'utf8').trimEnd().split('\n')
const one =
  what === 'bytes'
    ? (line) => JSON.stringify(transform(fields, JSON.parse(line)))
    : (event) => JSON.stringify(transform(fields, event))
measured(what === 'bytes' ? lines : lines.map((line) => JSON.parse(line)), one)
