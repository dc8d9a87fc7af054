/**
 * The expositions of several processes (Prometheus text format 0.0.4) as one. Pure.
 */
import { combineGauges } from './worst-of.ts'

interface Family {
  readonly head: string[]
  readonly samples: Map<string, number>
}

/** Samples of one name and one set of labels are added. */
export function mergeExpositions(all: readonly string[]): string {
  const families = new Map<string, Family>()
  const kinds = new Map<string, string>()
  for (const text of all) {
    let family = ''
    for (const line of text.split('\n')) {
      if (line === '') continue
      const [, word, name, kind] = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line) ?? []
      if (name !== undefined) {
        family = name
        const known: Family = families.get(family) ?? { head: [], samples: new Map() }
        families.set(family, known)
        if (known.head.length < 2 && !known.head.includes(line)) known.head.push(line)
        if (word === 'TYPE' && kind !== undefined) kinds.set(family, kind)
      } else if (!line.startsWith('#')) addSample(families.get(family)?.samples, line, family, kinds)
    }
  }
  const blocks = [...families.values()].map(({ head, samples }) =>
    [...head, ...Array.from(samples, ([series, value]) => `${series} ${formatNumber(value)}`)].join('\n'),
  )
  return `${blocks.join('\n\n')}\n`
}

function addSample(
  samples: Map<string, number> | undefined,
  line: string,
  family: string,
  kinds: ReadonlyMap<string, string>,
): void {
  const space = line.lastIndexOf(' ')
  const series = line.slice(0, space)
  const value = readNumber(line.slice(space + 1))
  const known = samples?.get(series)
  const isGauge = kinds.get(family) === 'gauge'
  const combined = known === undefined ? value : isGauge ? combineGauges(family, known, value) : known + value
  samples?.set(series, combined)
}

function readNumber(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY
  if (text === '-Inf') return Number.NEGATIVE_INFINITY
  return Number(text)
}

function formatNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return Number.isNaN(value) ? 'NaN' : String(value)
}
