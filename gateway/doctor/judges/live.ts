/** What stays open: sockets, event streams, and the times that the route allows. Pure. */
import { formatDuration } from '../../config/units.ts'
import type { Pair, RouteFacts } from '../facts.ts'
import { fail, onRoute, pass, skip, type Verdict, warn } from '../findings.ts'
import type { StreamSeen } from '../probes/talks.ts'
import { gatewayCode } from '../seen.ts'
import { explainLine, isGuarded, OUTSIDE, presetBlock, presetOf } from './advice.ts'
import { seconds } from './reach.ts'
import { REFUSED } from './trust.ts'

/** An event may be this much later through the gateway (demands B5 asks for 50 ms; the rest is for a busy machine). */
const LATE_MS = 500
/** Live streams say nothing for this long as a matter of course. */
const SILENT_MS = 60_000
/** A stream that sends its head with its first event keeps silent for a keep-alive: Navidrome's is 15 s. */
const FIRST_EVENT_MS = 15_000
/** An app that starts, or cleans up, needs this now and then. */
const BUSY_MS = 5_000

export function judgeWebsocket(facts: RouteFacts): Verdict {
  const { upgrades, route, known } = facts
  const open = upgrades.find(({ direct }) => direct.status === 101)
  const line = onRoute(route, 'protocol: { websocket_enabled: true }')
  if (!route.protocol.websocketEnabled && open !== undefined)
    return fail(`the app gives a socket at ${open.target}, and the route lets none through`, line)
  if (!route.protocol.websocketEnabled && (known?.paths.upgrades.length ?? 0) > 0)
    return fail(`${known?.title} has sockets, and the route lets none through`, line)
  if (open === undefined) return skip('no socket was found')
  if (isGuarded(facts)) return skip(OUTSIDE)
  const bad = upgrades.find(({ direct, through }) => direct.status === 101 && through?.status !== 101)
  if (bad === undefined) return pass(`${open.target} gives its socket through the gateway, too`)
  const { status = null, code = null, error = null } = bad.through ?? {}
  if (code === null && status !== null && REFUSED.has(status))
    return skip('the app refuses the origin: see origin-check')
  const what = status === null ? `no answer (${error ?? 'silence'})` : `${status}${code === null ? '' : ` ${code}`}`
  const reason = `${bad.target} gives its socket directly, and ${what} through the gateway`
  if (status === 504) return fail(reason, onRoute(route, responseLine(FIRST_EVENT_MS)))
  return fail(reason, explainLine(facts.door?.origin + bad.target))
}

export function judgeSse(facts: RouteFacts): Verdict {
  const { streams, known } = facts
  const open = streams.filter(({ through }) => through !== null)
  if (open.length === 0) return skip(withoutStream(streams, known?.title ?? null))
  if (isGuarded(facts)) return skip(OUTSIDE)
  const silent = open.find(({ direct }) => direct.status === null)
  if (silent !== undefined) return skip(`${silent.target} says nothing at first, with or without the gateway`)
  const bad = open.flatMap(pair => streamFault(pair, facts) ?? [])[0]
  if (bad !== undefined) return bad
  const [{ target, through }] = open as [Pair<StreamSeen>]
  return pass(`${target} sends its first bytes after ${Math.round(through?.firstMs ?? 0)} ms`)
}

function withoutStream(streams: readonly Pair<StreamSeen>[], title: string | null): string {
  const locked = streams.find(({ direct: { status } }) => status === 401 || status === 403)
  if (locked !== undefined) return `${locked.target} is for those who are signed in`
  return streams.length === 0 ? 'no event stream is known' : `${title} has none at ${streams[0]?.target}`
}

function streamFault({ target, direct, through }: Pair<StreamSeen>, { route, door }: RouteFacts): Verdict | null {
  if (through === null) return null
  if (through.status === 504)
    return fail(
      `${target} begins directly, and answers 504 through the gateway`,
      onRoute(route, responseLine(direct.headMs ?? FIRST_EVENT_MS)),
    )
  if (through.status !== direct.status)
    return fail(
      `${target} begins directly, and answers ${through.status ?? 'nothing'} through the gateway`,
      explainLine(door?.origin + target),
    )
  if (through.ended && !direct.ended)
    return fail(
      `${target} stays open directly, and ends through the gateway`,
      onRoute(route, 'limits: { idle_timeout: 10m }'),
    )
  if (direct.firstMs === null) return null
  const late = (through.firstMs ?? Number.POSITIVE_INFINITY) - direct.firstMs
  if (late <= LATE_MS) return null
  const how = through.firstMs === null ? 'nothing comes' : `they come ${Math.round(late)} ms later`
  return fail(
    `${target} sends its first bytes at once; through the gateway ${how}`,
    onRoute(route, 'compression: false'),
  )
}

/** Four times what was seen, and no less than the default. */
const responseLine = (ms: number): string => `limits: { response_timeout: ${seconds(Math.max(30_000, 4 * ms))} }`

export function judgeTimes(facts: RouteFacts): Verdict {
  const { responseTimeoutMs, idleTimeoutMs } = facts.route.limits
  const fine = `the route waits ${formatDuration(responseTimeoutMs)} for an answer and ${formatDuration(idleTimeoutMs)} for its next byte`
  return tooLate(facts) ?? knownTimes(facts) ?? tooShort(facts) ?? pass(fine)
}

/** What was seen to take longer than the route waits. */
function tooLate(facts: RouteFacts): Verdict | null {
  const { route, around, through, streams } = facts
  const { responseTimeoutMs } = route.limits
  const allowed = formatDuration(responseTimeoutMs)
  const took = headMs(around)
  const first = through?.hops[0]?.answer ?? through?.last ?? null
  if (took !== null && gatewayCode(first) === 'HG_UPSTREAM_TIMEOUT')
    return fail(
      `the app took ${Math.round(took)} ms to answer, and the route waits ${allowed}`,
      onRoute(route, responseLine(took)),
    )
  const stream = streams.find(({ direct }) => (direct.headMs ?? 0) > responseTimeoutMs)
  if (stream === undefined) return null
  return fail(
    `${stream.target} took ${Math.round(stream.direct.headMs ?? 0)} ms to begin, and the route waits ${allowed}`,
    onRoute(route, responseLine(FIRST_EVENT_MS)),
  )
}

/** Limits that hold today and will not on a busy day. */
function tooShort({ route, around }: RouteFacts): Verdict | null {
  const { responseTimeoutMs, idleTimeoutMs } = route.limits
  const allowed = formatDuration(responseTimeoutMs)
  const took = headMs(around)
  if (took !== null && took * 2 > responseTimeoutMs)
    return warn(
      `the app took ${Math.round(took)} ms to answer, and the route waits no longer than ${allowed}`,
      onRoute(route, responseLine(took)),
    )
  if (responseTimeoutMs < BUSY_MS)
    return warn(
      `the route waits ${allowed} for an answer: an app that is busy for a moment fails`,
      onRoute(route, responseLine(BUSY_MS)),
    )
  if (idleTimeoutMs >= BUSY_MS) return null
  return warn(
    `the route cuts an answer that pauses for ${formatDuration(idleTimeoutMs)}`,
    onRoute(route, 'limits: { idle_timeout: 2m }'),
  )
}

/** Of the app itself, told what the gateway tells it. */
function headMs(around: RouteFacts['around']): number | null {
  return around?.forwarded.kind === 'answer' ? around.forwarded.headMs : null
}

/** What the contract of the app says it needs. */
function knownTimes(facts: RouteFacts): Verdict | null {
  const { route, known } = facts
  const { responseTimeoutMs, idleTimeoutMs } = route.limits
  const wanted = presetBlock(facts, 'limits')
  const hasStreams = (known?.paths.streams.length ?? 0) > 0
  if (hasStreams && idleTimeoutMs < SILENT_MS)
    return fail(
      `live data of ${known?.title} may pause for minutes, and the route cuts it after ${formatDuration(idleTimeoutMs)}`,
      onRoute(route, `limits: { idle_timeout: ${formatDuration(wanted.idleTimeoutMs ?? 600_000)} }`),
    )
  if (hasStreams && responseTimeoutMs < FIRST_EVENT_MS)
    return fail(
      `live data of ${known?.title} may begin with its first event, and the route waits ${formatDuration(responseTimeoutMs)}`,
      onRoute(route, `limits: { response_timeout: ${formatDuration(wanted.responseTimeoutMs ?? 600_000)} }`),
    )
  const waits = (presetOf(facts)?.contract ?? []).filter(({ promise }) => promise === 'waits')
  const longest = waits.toSorted((a, b) => (b.seconds ?? 0) - (a.seconds ?? 0))[0]
  const longestMs = (longest?.seconds ?? 0) * 1000
  if (longest === undefined || longestMs <= responseTimeoutMs) return null
  return warn(
    `${longest.rule}, and the route waits ${formatDuration(responseTimeoutMs)}`,
    onRoute(route, `limits: { response_timeout: ${formatDuration(wanted.responseTimeoutMs ?? longestMs)} }`),
  )
}
