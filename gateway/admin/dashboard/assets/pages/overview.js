/** The overview: the last seconds in numbers, the last minutes as lines, what stands out in words. */
import { ask } from '../api.js'
import { chart } from '../charts.js'
import { badge, card, h, table, tiles } from '../dom.js'
import { bytes, count, counted, duration, ms, percent, rate } from '../format.js'
import { every } from '../refresh.js'
import { remarks } from './remarks.js'
import { summary } from './summary.js'

/** Seconds that the numbers at the top look at. */
const LAST = 10

const perSecond = value => `${rate(value)}/s`

export function overview(main, { samples }) {
  const numbers = tiles({
    rate: 'Requests per second',
    p50: 'Typical answer',
    p95: 'Slow answers (p95)',
    errors: 'Errors, last minutes',
    hits: 'Answered by the cache',
    avoided: 'Origin calls avoided',
    saved: 'Bytes saved',
    flight: 'In flight',
  })
  const charts = {
    traffic: chart(
      [
        { label: 'requests', key: 'accent', read: sample => sample.requests, format: perSecond },
        { label: 'errors', key: 'bad', read: sample => sample.errors, format: perSecond },
      ],
      'Requests and errors each second of the last five minutes',
    ),
    time: chart(
      [
        { label: 'p95', key: 'warn', read: sample => sample.p95Ms, format: ms },
        { label: 'p50', key: 'blue', read: sample => sample.p50Ms, format: ms },
      ],
      'Time to the first byte of an answer in the last five minutes',
    ),
    volume: chart(
      [
        { label: 'to clients', key: 'blue', read: sample => sample.bytesOut, format: value => `${bytes(value)}/s` },
        { label: 'from clients', key: 'good', read: sample => sample.bytesIn, format: value => `${bytes(value)}/s` },
      ],
      'Bytes to and from clients each second of the last five minutes',
      { isBytes: true },
    ),
    cache: chart(
      [
        { label: 'from the cache', key: 'good', read: sample => sample.hits, format: perSecond },
        { label: 'from origins', key: 'accent', read: sample => sample.misses, format: perSecond },
      ],
      'Answers from the cache and from origins each second of the last five minutes',
    ),
  }
  const routes = table([
    { label: 'Route', full: true },
    { label: 'Requests/s', number: true },
    { label: 'p50', number: true },
    { label: 'p95', number: true },
    { label: 'Errors', number: true },
    { label: 'Hits', number: true },
    { label: 'Trend' },
  ])
  const words = h('ul', { class: 'plain' })
  const since = h('p', { class: 'lead' }, ' ')
  const report = summary()
  main.append(
    h('h1', {}, 'Overview'),
    since,
    numbers.element,
    h(
      'div',
      { class: 'grid' },
      card('Requests', charts.traffic.element),
      card('Time to first byte', charts.time.element),
      card('Traffic', charts.volume.element),
      card('Cache', charts.cache.element),
    ),
    card('What stands out', words),
    report.element,
    card('Routes', routes.element),
  )
  const draw = () => {
    showNumbers(numbers, samples)
    for (const each of Object.values(charts)) each.show(samples.all)
  }
  samples.addEventListener('sample', draw)
  draw()
  const stop = every(5000, async () => {
    const [analysis, stats] = await Promise.all([ask('api/analysis'), ask('api/stats')])
    const routeCount = new Set(stats.origins.map(({ upstream }) => upstream)).size
    const parts = [
      `Up ${duration(stats.uptimeSeconds)}`,
      counted(routeCount, 'proxied route', 'proxied routes'),
      counted(stats.connections, 'client connection', 'client connections'),
      counted(stats.tunnels, 'WebSocket', 'WebSockets'),
      counted(stats.eventStreams, 'event stream', 'event streams'),
      `${bytes(stats.memory.rssBytes)} of memory`,
    ]
    since.textContent = `${parts.join(', ')}.`
    routes.show(analysis.now.toSorted((a, b) => b.count - a.count).map(routeRow), 'No requests yet.')
    words.replaceChildren(...remarks(analysis.now, stats).map(text => h('li', {}, text)))
  })
  return () => {
    stop()
    report.close()
    samples.removeEventListener('sample', draw)
    for (const each of Object.values(charts)) each.close()
  }
}

function showNumbers({ set }, samples) {
  const last = samples.all.at(-1)
  const seconds = Math.max(1, Math.min(LAST, samples.all.length))
  const [requests, hits, misses] = ['requests', 'hits', 'misses'].map(key => samples.sum(key, 300))
  const errors = samples.sum('errors', 300)
  const timed = samples.all.filter(({ p50Ms }) => p50Ms !== null).slice(-LAST)
  set('rate', rate(samples.sum('requests', seconds) / seconds))
  set('p50', ms(median(timed.map(({ p50Ms }) => p50Ms))))
  set('p95', ms(median(timed.map(({ p95Ms }) => p95Ms))))
  set('errors', count(errors), requests === 0 ? '' : percent(errors / requests))
  set('hits', hits + misses === 0 ? '–' : percent(hits / (hits + misses)))
  set('avoided', count(hits))
  set('saved', bytes(samples.sum('bytesSaved', 300) + samples.sum('bytesAvoided', 300)))
  set('flight', last === undefined ? '–' : count(last.inFlight))
}

function median(values) {
  if (values.length === 0) return null
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
}

const trends = { faster: ['faster', 'good'], slower: ['slower', 'warn'], steady: ['steady', ''] }

export function routeRow({ route, requestsPerSecond, firstByteMs, errorRate, cache, trend }) {
  const isBad = errorRate !== null && errorRate > 0.01
  return [
    h('a', { href: `#/requests/${encodeURIComponent(route)}` }, route),
    rate(requestsPerSecond),
    ms(firstByteMs?.p50),
    ms(firstByteMs?.p95),
    isBad ? badge(percent(errorRate), 'bad') : percent(errorRate),
    percent(cache.hitRatio),
    trend === null ? '' : badge(...trends[trend.speed]),
  ]
}
