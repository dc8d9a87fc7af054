/**
 * The script of the demo's page, first half: asks the endpoints and shows what the gateway did with each answer.
 */
export const CLIENT_SCRIPT = `'use strict'
// What a gateway leaves on an answer, in the order in which it is shown.
const SHOWN = ['cache-status', 'age', 'content-encoding', 'content-type', 'cache-control', 'etag', 'vary', 'content-range',
  'content-length', 'retry-after', 'proxy-status', 'via', 'x-request-id', 'server']
// The browser's own cache is left out, and yet the gateway is not told to leave out its own.
const FETCH = { cache: 'no-store', headers: { 'cache-control': 'max-age=3600', pragma: 'none' } }
const TEXT_LIMIT = 4000
const running = new Map()

function make(tag, text, className) {
  const element = document.createElement(tag)
  if (text !== undefined) element.textContent = text
  if (className) element.className = className
  return element
}

function size(bytes) {
  return bytes < 1024 ? bytes + ' B' : bytes < 1048576 ? (bytes / 1024).toFixed(1) + ' KiB' : (bytes / 1048576).toFixed(1) + ' MiB'
}

function tone(status) {
  return status < 400 ? 'good' : status < 500 ? 'warn' : 'bad'
}

// Status, time, bytes on the wire and the fields; then the beginning of a text.
function show(card, seen) {
  const head = make('div', undefined, 'head')
  head.append(make('span', String(seen.status), tone(seen.status)), make('span', seen.ms.toFixed(1) + ' ms'))
  for (const note of seen.notes) head.append(make('span', note))
  const list = make('dl')
  for (const name of SHOWN) {
    const value = seen.headers.get(name)
    if (value !== null) list.append(make('dt', name), make('dd', value))
  }
  const result = card.querySelector('.result')
  result.replaceChildren(head, list)
  if (seen.text) result.append(make('pre', seen.text.slice(0, TEXT_LIMIT)))
}

function showError(card, error) {
  const text = error.name === 'AbortError' ? 'You left early; the gateway passes that on to the origin.' : String(error)
  card.querySelector('.result').replaceChildren(make('span', text, error.name === 'AbortError' ? 'warn' : 'bad'))
}

// Protocol and sizes as the browser measured them.
function measure(url) {
  const entry = performance.getEntriesByName(url, 'resource').pop()
  if (!entry) return []
  const notes = []
  if (entry.nextHopProtocol) notes.push(entry.nextHopProtocol)
  const wire = entry.encodedBodySize, plain = entry.decodedBodySize
  if (wire > 0) notes.push(wire < plain ? size(wire) + ' for ' + size(plain) : size(wire))
  return notes
}

async function ask(path, options, read) {
  const url = new URL(path, document.baseURI).href
  performance.clearResourceTimings()
  const startedAt = performance.now()
  const merged = Object.assign({}, FETCH, options)
  merged.headers = Object.assign({}, FETCH.headers, options && options.headers)
  const response = await fetch(url, merged)
  const text = await (read ? read(response) : response.text())
  const ms = performance.now() - startedAt
  await new Promise(resolve => setTimeout(resolve))
  return { status: response.status, headers: response.headers, ms, notes: measure(url), text }
}

function abortable(card) {
  const controller = new AbortController()
  running.set(card, controller)
  return controller.signal
}

function field(card, name) {
  return card.querySelector('[name=' + name + ']').value
}

async function readLarge(card, response) {
  const total = Number(response.headers.get('content-length')) || Number(field(card, 'mb')) * 1048576
  const bar = card.querySelector('progress')
  const startedAt = performance.now()
  let bytes = 0
  for (const reader = response.body.getReader(); ; ) {
    const part = await reader.read()
    if (part.done) break
    bytes += part.value.length
    bar.value = bytes / total
  }
  return size(bytes) + ', ' + size(bytes / Math.max(0.001, (performance.now() - startedAt) / 1000)) + ' a second'
}

async function sha256(bytes) {
  // Browsers give no digest on plain http to another machine.
  if (!crypto.subtle) return null
  return Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)), b => b.toString(16).padStart(2, '0')).join('')
}

async function uploadBody(card) {
  const file = card.querySelector('[name=file]').files[0]
  if (file) return file
  const bytes = new Uint8Array(4 * 1048576)
  for (let i = 0; i < bytes.length; i += 65536) crypto.getRandomValues(bytes.subarray(i, i + 65536))
  return new Blob([bytes])
}

const actions = {
  async fetch(card) {
    show(card, await ask(card.dataset.path))
  },
  async flaky(card) {
    const codes = []
    let seen
    for (let i = 0; i < 6; i++) {
      seen = await ask('flaky')
      codes.push(seen.status)
    }
    seen.notes.push('all six: ' + codes.join(' '))
    show(card, seen)
  },
  async slow(card) {
    show(card, await ask('slow?ms=' + encodeURIComponent(field(card, 'ms')), { signal: abortable(card) }))
  },
  async large(card) {
    const path = 'large?mb=' + encodeURIComponent(field(card, 'mb'))
    show(card, await ask(path, { signal: abortable(card) }, response => readLarge(card, response)))
  },
  async range(card, button) {
    const first = button.dataset.beyond ? 99999999 : Math.floor(Math.random() * 10000000)
    const last = first + Math.floor(Math.random() * 400000)
    let bytes = 0
    const seen = await ask('range', { headers: { range: 'bytes=' + first + '-' + last } }, async response => {
      bytes = (await response.arrayBuffer()).byteLength
      return 'asked for bytes ' + first + ' to ' + last
    })
    seen.notes.push(size(bytes) + ' read')
    show(card, seen)
  },
  async upload(card) {
    const body = await uploadBody(card)
    const small = body.size <= 268435456
    const own = small ? await sha256(await body.arrayBuffer()) : null
    const seen = await ask('upload', { method: 'POST', body })
    if (own !== null && seen.status === 200) seen.notes.push(JSON.parse(seen.text).sha256 === own ? 'digest equal' : 'DIGEST DIFFERS')
    show(card, seen)
  },
  async status(card) {
    show(card, await ask('status/' + encodeURIComponent(field(card, 'status'))))
  },
  cancel(card) {
    running.get(card)?.abort()
  },
  async all() {
    const summary = document.getElementById('summary')
    for (const card of document.querySelectorAll('.card[data-path]')) {
      summary.textContent = 'trying ' + card.id + ' …'
      await run(card.querySelector('button'))
    }
    summary.textContent = 'done'
  },
}

async function run(button) {
  const card = button.closest('.card')
  const action = button.dataset.do
  if (action !== 'cancel' && action !== 'events') button.disabled = true
  try {
    await actions[action](card, button)
  } catch (error) {
    if (card) showError(card, error)
  } finally {
    button.disabled = false
  }
}

document.addEventListener('click', event => {
  const button = event.target.closest('button[data-do]')
  if (button) run(button)
})
`
