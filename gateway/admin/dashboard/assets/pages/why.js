/** Why one request went as it did: its way through the gateway, step by step. */
import { ask } from '../api.js'
import { badge, facts, h } from '../dom.js'
import { bytes, ms, words } from '../format.js'

export async function openWhy(request) {
  const why = await ask(`api/explain?id=${encodeURIComponent(request.id)}`).catch(() => ({
    request,
    explanation: null,
  }))
  const close = h('button', { type: 'button' }, 'Close')
  const dialog = h(
    'dialog',
    { 'aria-labelledby': 'why-title' },
    h(
      'header',
      {},
      h(
        'div',
        {},
        h('h2', { id: 'why-title' }, `Why ${why.request.status || 'no answer'}?`),
        h('code', {}, `${request.method} ${request.host}${request.url}`),
      ),
      close,
    ),
    h('div', { class: 'inside' }, ...parts(why)),
  )
  close.addEventListener('click', () => dialog.close())
  dialog.addEventListener('close', () => dialog.remove())
  document.body.append(dialog)
  dialog.showModal()
}

function parts({ request, explanation }) {
  return [
    h(
      'ol',
      { class: 'steps' },
      steps(request, explanation).map(([title, text]) => h('li', {}, h('strong', {}, title), text)),
    ),
    section('Where the time went', timeBars(request)),
    request.notes.length === 0 ? null : section('What each part decided', notesOf(request.notes)),
    explanation === null ? null : section('Other routes', considered(explanation)),
    section('In numbers', numbersOf(request)),
  ].filter(part => part !== null)
}

function section(title, ...children) {
  return h('section', {}, h('h2', {}, title), ...children)
}

function steps(request, explanation) {
  const { route, upstream, attempts, cache, encoding, bytesRaw, bytesOut, outcome, status } = request
  const reason = explanation?.route?.reason
  const told = [
    ['Arrived', `from ${request.client} by ${request.protocol === 'h2' ? 'HTTP/2' : 'HTTP/1.1'}`],
    route === null
      ? ['No route', 'nothing in the configuration matches this address']
      : ['Route', reason === undefined ? route : `${route} (${words(reason)})`],
  ]
  if (cache !== null) told.push(['Cache', cache])
  if (attempts > 0) told.push(['Origin', `${upstream}, asked ${attempts === 1 ? 'once' : `${attempts} times`}`])
  else if (route !== null) told.push(['Origin', upstream === null ? 'was not asked' : `${upstream} was not reached`])
  if (encoding !== null) told.push(['Encoding', `${encoding}: ${bytes(bytesRaw)} became ${bytes(bytesOut)}`])
  told.push(['Ended', outcome === 'ok' ? `${status}, whole` : `${status || 'without a status'}: ${words(outcome)}`])
  return told
}

function timeBars(request) {
  const { queueMs, upstreamMs, firstByteMs, encodeMs } = request
  const total = Math.max(request.ms, 0.001)
  const origin = Math.max(0, (upstreamMs ?? 0) - queueMs)
  const before = firstByteMs === null ? 0 : Math.max(0, firstByteMs - (upstreamMs ?? 0))
  const spans = [
    ['before the origin', before, 'blue'],
    ['waiting for a place', queueMs, 'warn'],
    ['waiting for the origin', origin, 'accent'],
    ['sending the answer', Math.max(0, total - before - queueMs - origin), 'good'],
  ].filter(([, took]) => took > 0)
  return h(
    'div',
    {},
    h(
      'div',
      { class: 'bar', role: 'img', 'aria-label': spans.map(([name, took]) => `${name} ${ms(took)}`).join(', ') },
      spans.map(([, took, key]) => h('span', { class: `key-${key}`, 'width%': (took / total) * 100 })),
    ),
    h(
      'ul',
      { class: 'legend' },
      spans.map(([name, took, key]) => h('li', { class: `key-${key}` }, `${name} ${ms(took)}`)),
    ),
    encodeMs > 0 ? h('p', { class: 'empty' }, `${ms(encodeMs)} of CPU went into encoding.`) : null,
  )
}

function notesOf(notes) {
  return facts(
    notes.map(({ topic, reason, numbers }) => {
      const details = Object.entries(numbers ?? {}).map(([name, value]) => `${name} ${value}`)
      return [topic, h('span', {}, badge(reason), details.length === 0 ? '' : ` ${details.join(', ')}`)]
    }),
  )
}

function considered({ considered: rules }) {
  const rows = rules.map(({ route, host, path, verdict, won }) => [
    h('span', {}, won ? badge(route, 'good') : route),
    `${host}${path}: ${verdict}`,
  ])
  return rows.length === 0 ? h('p', { class: 'empty' }, 'None was looked at.') : facts(rows)
}

function numbersOf(request) {
  return facts([
    ['Request id', h('code', {}, request.id)],
    ['Total', ms(request.ms)],
    ['First byte', ms(request.firstByteMs)],
    ['Received', bytes(request.bytesIn)],
    ['Sent', bytes(request.bytesOut)],
    ['Ended at', request.at],
  ])
}
