/** A report for people: as text, and as one page of HTML that needs nothing else. Pure. */
import { escapeHtml } from '../../plugins/proxy/index.ts'
import { formatTable } from '../cli/format.ts'
import { withoutControls } from '../config/problem.ts'
import type { Prevented } from './prevented.ts'
import type { Report, RouteReport } from './report.ts'

const HEADING = ['ROUTE', 'REQUESTS', 'P95', 'WORST P95', 'FAILED', 'REFUSED 4XX', 'CALLS AVOIDED', 'COMPRESSION SAVED']
/** A route that usually takes this long is told by a sentence, as is one that was so much slower than usual in an hour. */
const SLOW_MS = 1000
const NOTABLE_RATIO = 2
const NOTABLE_MS = 500
const NOTABLE_ERRORS = 0.01

export function reportText(report: Report): string {
  const rows = report.routes.map(route => cells(route).map(withoutControls))
  const table = rows.length === 0 ? [] : ['', ...formatTable([HEADING, ...rows])]
  return `${[spanText(report), ...table, '', ...sentences(report).map(withoutControls)].join('\n')}\n`
}

export function reportHtml(report: Report): string {
  const row = (tag: string, texts: readonly string[]) =>
    `<tr>${texts.map(text => `<${tag}>${escapeHtml(withoutControls(text))}</${tag}>`).join('')}</tr>`
  const table = `<table><thead>${row('th', HEADING)}</thead><tbody>${report.routes.map(route => row('td', cells(route))).join('')}</tbody></table>`
  const list = sentences(report).map(text => `<li>${escapeHtml(withoutControls(text))}</li>`)
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Hearthgate: report</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color-scheme:light dark}
div{overflow-x:auto}table{border-collapse:collapse}td,th{padding:.2rem .8rem .2rem 0;text-align:left}</style></head>
<body><h1>Report</h1><p>${escapeHtml(spanText(report))}</p><div>${report.routes.length === 0 ? '' : table}</div>
<ul>${list.join('')}</ul></body></html>
`
}

/** Which hours it tells of. */
export function spanText({ fromMs, toMs, isPartial, askedFromMs, uptimeSeconds }: Report): string {
  if (fromMs === null) return `nothing was asked for since ${minute(askedFromMs)}, or it is not known any more`
  const span = `from ${minute(fromMs)} to ${minute(toMs)}`
  if (!isPartial) return span
  return `${span}: asked for since ${minute(askedFromMs)}, but no more is known (the gateway runs for ${lasting(uptimeSeconds)})`
}

function cells({ route, requests, p95, errors, clientErrors, ...saved }: RouteReport): string[] {
  return [
    ...[route, String(requests), p95 === null ? '-' : time(p95.overallMs), p95 === null ? '-' : time(p95.worstMs)],
    ...[share(errors, requests), share(clientErrors, requests), String(saved.callsAvoided)],
    amount(saved.compressionSavedBytes),
  ]
}

/** What a person would say about it. */
export function sentences({ routes, prevented }: Report): string[] {
  const notable = routes.flatMap(route => [...slowSentence(route), ...errorSentence(route)])
  const calls = routes.reduce((all, { callsAvoided }) => all + callsAvoided, 0)
  const bytes = routes.reduce((all, { bytesAvoided }) => all + bytesAvoided, 0)
  const saved = routes.reduce((all, { compressionSavedBytes }) => all + compressionSavedBytes, 0)
  return [
    ...notable,
    ...(notable.length === 0 ? calmSentences(routes) : []),
    ...(calls === 0 ? [] : [`The cache answered ${calls} requests (${amount(bytes)}) that no app had to work on.`]),
    ...(saved <= 0 ? [] : [`Compression saved ${amount(saved)}.`]),
    ...preventedSentences(prevented),
  ]
}

function slowSentence({ route, p95 }: RouteReport): string[] {
  if (p95 === null) return []
  if (p95.usualMs >= SLOW_MS) return [`${route} is slow: one in twenty usually takes over ${time(p95.usualMs)}.`]
  if (p95.worstMs < NOTABLE_MS || p95.worstMs < NOTABLE_RATIO * p95.usualMs) return []
  return [
    `${route} was slow in the hour from ${minute(p95.worstAtMs)}: one in twenty took over ${time(p95.worstMs)}, usually ${time(p95.usualMs)}.`,
  ]
}

function errorSentence({ route, requests, errors }: RouteReport): string[] {
  if (errors < NOTABLE_ERRORS * requests || errors === 0) return []
  return [`${route} failed in ${errors} of ${requests} requests; hearthgate explain --id ID tells why one did.`]
}

/** No more is claimed than was seen: of a few requests nobody can say how fast they usually are. */
function calmSentences(routes: readonly RouteReport[]): string[] {
  if (routes.length === 0) return []
  const unknown = routes.filter(({ p95 }) => p95 === null).map(({ route }) => route)
  if (unknown.length === 0) return ['Nothing was notably slow, and hardly anything failed.']
  return [`Hardly anything failed. Too few requests to tell how fast: ${unknown.join(', ')}.`]
}

function preventedSentences(prevented: Prevented): string[] {
  const told: readonly [number, string][] = [
    [prevented.sentAgain, 'Attempts made again after one that failed'],
    [prevented.waitedForApp, 'Requests that waited for an app that was restarting, and went on'],
    [prevented.hedgesWon, 'Slow requests answered sooner by a second attempt'],
    [prevented.ejections, 'Times that a failing origin was left alone for a while'],
    [prevented.refusedInOverload, 'Requests refused at once, since they would have waited too long'],
  ]
  return told.filter(([count]) => count > 0).map(([count, text]) => `${text}: ${count}.`)
}

const minute = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`
const time = (ms: number): string =>
  ms < 1000 ? `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
const share = (part: number, all: number): string => `${((100 * part) / all).toFixed(1)} %`
const amount = (bytes: number): string =>
  bytes < 1_048_576 ? `${Math.round(bytes / 1024)} KiB` : `${(bytes / 1_048_576).toFixed(1)} MiB`

function lasting(seconds: number): string {
  if (seconds < 120) return `${seconds} s`
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`
}
