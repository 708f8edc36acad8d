// The plan that a test gives on standard input, and what the program was told, on standard output.
// `{"@date": "…"}` in the plan stands for a date.
const { readFileSync, writeSync } = require('node:fs')

const revive = (_, value) => (value && value['@date'] ? new Date(value['@date']) : value)

exports.plan = () => JSON.parse(readFileSync(0, 'utf-8'), revive)
exports.tell = (told) => writeSync(1, JSON.stringify(told))
