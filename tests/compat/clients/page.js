// What a page of the tests asks and tells: its plan from where it came from, what it was told back to there.
// `{"@date": "…"}` in the plan stands for a date.
const revive = (_, value) => (value && value['@date'] ? new Date(value['@date']) : value)

export const plan = async () => JSON.parse(await (await fetch('/plan')).text(), revive)
export const tell = (told) => fetch('/told', { method: 'POST', body: JSON.stringify(told) })

// Leaves the page at once when the test says so, and comes back to the next plan.
export const leave = async () => {
  await fetch('/leave')
  location.reload()
}

export const errors = []
for (const name of ['error', 'unhandledrejection']) {
  addEventListener(name, (event) => errors.push(String(event.message ?? event.reason)))
}
