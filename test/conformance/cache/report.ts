/** Results as text: TAP lines, the table of the suites, the misses with what went over the wire. */
import type { CaseRun } from './run-case.ts'
import { isMiss, isSurprise, type Result } from './scoring.ts'
import type { CacheCase, Suite } from './types.ts'

export interface Count {
  readonly good: number
  readonly total: number
}

/** Passes (or answers "yes") of one kind. */
export function countOf(results: readonly Result[], kind: CacheCase['kind']): Count {
  const own = results.filter(({ one }) => one.kind === kind)
  return { good: own.filter(({ outcome }) => outcome === 'pass' || outcome === 'yes').length, total: own.length }
}

export function tapLine(result: Result, number: number, suite: string): string {
  const title = `${number} - ${suite}/${result.one.id}`
  if (isSurprise(result)) {
    const got = isMiss(result) ? `${result.outcome}: ${result.note}` : 'passes, but is a known miss'
    return `not ok ${title}\n  ---\n  asks: ${JSON.stringify(result.one.name)}\n  got: ${JSON.stringify(got)}\n  ...`
  }
  if (isMiss(result)) return `not ok ${title} # TODO ${result.known}`
  const answer = result.one.kind === 'check' ? ` # ${result.outcome}` : ''
  return `ok ${title}${answer}`
}

export function table(suites: readonly Suite[], results: readonly Result[]): string {
  const lines = ['suite              required   optimal  check yes']
  const row = (label: string, own: readonly Result[]) => {
    const cells = (['required', 'optimal', 'check'] as const).map(kind => {
      const { good, total } = countOf(own, kind)
      return (total === 0 ? '-' : `${good}/${total}`).padStart(10)
    })
    lines.push(`${label.padEnd(17)}${cells.join('')}`)
  }
  for (const { id, tests } of suites) {
    const own = results.filter(({ one }) => tests.includes(one))
    if (own.length > 0) row(id, own)
  }
  row('all', results)
  return lines.join('\n')
}

/** Every miss, with its reason where reasons are asked for, the unknown ones first. */
export function missLines(results: readonly Result[], withReasons: boolean): string[] {
  const misses = results.filter(isMiss)
  const sorted = [...misses.filter(isSurprise), ...misses.filter(result => !isSurprise(result))]
  return sorted.map(({ one, outcome, note, known }) => {
    const line = `${one.id} (${one.kind}, ${outcome}): ${note}`
    if (!withReasons) return line
    return `${line}\n    ${known === null ? 'NOT EXPLAINED' : `known: ${known}`}`
  })
}

/** What went over the wire in a run, for a reader. */
export function wireLines({ exchanges, state }: CaseRun): string[] {
  const lines: string[] = []
  for (const { sent, received, ms } of exchanges) {
    lines.push(`> ${sent.method} ${sent.target}`, ...sent.fields.map(([name, value]) => `> ${name}: ${value}`))
    if (received === null) lines.push('< no answer')
    else {
      for (const interim of received.interim) lines.push(`< ${interim.status} ${JSON.stringify(interim.fields)}`)
      lines.push(
        `< ${received.status} after ${ms} ms`,
        ...received.fields.map(([name, value]) => `< ${name}: ${value}`),
      )
      lines.push(`< (body) ${JSON.stringify(received.body.slice(0, 200))}`)
    }
  }
  for (const seen of state ?? []) {
    lines.push(`@ origin saw ${seen.request_num}: ${seen.request_method} ${JSON.stringify(seen.request_headers)}`)
  }
  return lines
}
