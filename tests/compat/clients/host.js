// A host of MCP Apps, by the official bridge: it shows a view in a sandboxed frame, gives it a result, uses it as a
// person with a keyboard would, and tells what it saw.
import axe from 'axe-core'
import {AppBridge, PostMessageTransport} from '@modelcontextprotocol/ext-apps/app-bridge'

const until = async (what, test) => {
  for (let at = 0; at < 1200; at++) {
    const found = test()
    if (found) return found
    await new Promise(done => setTimeout(done, 25))
  }
  throw new Error(`never: ${what}`)
}

async function run(plan) {
  const seen = {sizes: [], calls: [], messages: [], initialized: 0}
  const frame = document.createElement('iframe')
  frame.sandbox = plan.sandbox
  frame.style = 'width: 100%; height: 95vh; border: 0'
  document.documentElement.lang = 'en'
  document.body.style = `margin: 0; background: ${plan.theme === 'dark' ? '#000' : '#fff'}`
  document.body.append(frame)
  const bridge = new AppBridge(null, {name: 'host', version: '1'}, plan.abilities,
    {hostContext: {theme: plan.theme, displayMode: 'inline'}})
  bridge.oninitialized = () => { seen.initialized += 1 }
  bridge.onsizechange = size => { seen.sizes.push(size) }
  bridge.oncalltool = async params => { seen.calls.push(params); return plan.again }
  bridge.onmessage = async params => { seen.messages.push(params); return {} }
  await bridge.connect(new PostMessageTransport(frame.contentWindow, frame.contentWindow))
  frame.srcdoc = plan.view
  await until('initialized', () => seen.initialized)
  await bridge.sendToolInput({arguments: plan.arguments})
  await bridge.sendToolResult(plan.result)
  await until('the size of a journey', () => seen.sizes.at(-1)?.height > plan.height)
  if (plan.sandbox.includes('allow-same-origin')) await use(plan, bridge, frame.contentDocument, seen)
  return seen
}

async function use(plan, bridge, view, seen) {
  await until('the journey', () => view.querySelector('h1'))
  const heads = () => [...view.querySelectorAll('.head')]
  const press = key => view.activeElement.dispatchEvent(new frames[0].KeyboardEvent('keydown', {key, bubbles: true}))
  seen.title = view.querySelector('h1').textContent
  seen.heads = heads().map(each => each.textContent)
  seen.closed = heads().filter(each => each.getAttribute('aria-expanded') === 'false').length
  seen.unnamed = [...view.querySelectorAll('button, table, [role=group]')]
    .filter(each => !(each.textContent.trim() || each.ariaLabel)).length
  heads()[0]?.focus()
  seen.walked = ['ArrowDown', 'ArrowDown', 'ArrowUp', 'End', 'Home'].map(key => (press(key), heads().indexOf(view.activeElement)))
  if (plan.open) heads().forEach(each => each.click())
  seen.opened = heads().filter(each => each.getAttribute('aria-expanded') === 'true').length
  seen.cells = [...view.querySelectorAll('td')].map(each => each.textContent)
  seen.made = view.querySelectorAll('img, script:not(:last-of-type), a, iframe, svg, link').length
  frames[0].eval(axe.source)
  const judged = await frames[0].axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']})
  seen.barriers = judged.violations.map(each => `${each.id}: ${each.nodes.map(node => node.html).join(' ')}`)
  seen.passed = judged.passes.length
  seen.text = view.body.innerText
  seen.said = view.getElementById('said').textContent
  const ground = () => frames[0].getComputedStyle(view.body).backgroundColor
  seen.grounds = [ground()]
  bridge.sendHostContextChange({theme: plan.theme === 'dark' ? 'light' : 'dark'})
  await until('another theme', () => ground() !== seen.grounds[0])
  seen.grounds.push(ground())
  bridge.sendHostContextChange({theme: plan.theme})
  await until('the first theme', () => ground() === seen.grounds[0])
  const act = words => [...view.querySelectorAll('.act')].find(each => each.textContent.startsWith(words))
  if (plan.more) {
    act('Show them').click()
    await until('the attempts', () => view.querySelector('.more table'))
    seen.shown = view.querySelector('.more').innerText
    seen.asked = seen.calls.splice(0)
    seen.focused = heads().indexOf(view.activeElement)
  }
  if (act('Ask for')) {
    act('Ask for').click()
    await until('the message', () => seen.messages.length)
  }
  if (plan.again && act('Look again')) {
    act('Look again').click()
    await until('the second look', () => seen.calls.length && view.querySelector('h1').textContent !== seen.title)
    seen.again = view.querySelector('h1').textContent
    seen.stillOpen = heads().filter(each => each.getAttribute('aria-expanded') === 'true').length
  }
}

async function main() {
  const plan = await (await fetch('/plan')).json()
  const told = await run(plan).catch(error => ({error: String(error.stack ?? error)}))
  await fetch('/told', {method: 'POST', body: JSON.stringify(told)})
}

document.addEventListener('DOMContentLoaded', main)
