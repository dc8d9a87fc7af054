/**
 * Every signal of an app as Prometheus text. The form is prom-client's; the numbers stay where they are counted and are
 * only read here, when somebody asks.
 */
import type { Observed, Series, Signal, SignalSpec, Signals, SignalValue } from '../../contract/index.ts'

/** In front of every name. */
export const PREFIX = 'hearthgate_'

type Labels = Readonly<Record<string, string | number>>

interface Sample {
  readonly metricName?: string
  readonly labels: Labels
  readonly value: number
}

interface Family {
  readonly name: string
  get(): Promise<{ name: string; help: string; type: string; values: readonly Sample[] }>
}

/** Of prom-client's `Registry.PROMETHEUS_CONTENT_TYPE`, which is loaded with the first scrape. */
export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** The text for one scrape. */
export async function expose(signals: Signals): Promise<string> {
  const { Registry } = (await import('prom-client')).default
  const registry = new Registry()
  const families = [...numberFamilies(signals.numbers()), ...histogramFamilies(signals.histograms())]
  families.sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const family of families) registry.registerMetric(family as never)
  return registry.metrics()
}

function numberFamilies(all: Iterable<Signal<SignalValue>>): Family[] {
  return Array.from(all, signal =>
    familyOf(signal.spec, () =>
      Array.from(signal.series(), series => ({ labels: labelsOf(signal.spec, series), value: series.point.value })),
    ),
  )
}

function histogramFamilies(all: Iterable<Signal<Observed>>): Family[] {
  return Array.from(all, signal =>
    familyOf(signal.spec, () =>
      Array.from(signal.series()).flatMap(series => samplesOf(PREFIX + signal.spec.name, signal.spec, series)),
    ),
  )
}

function familyOf(spec: SignalSpec, read: () => Sample[]): Family {
  const name = PREFIX + spec.name
  return { name, get: async () => ({ name, help: spec.help, type: spec.kind, values: read() }) }
}

/** Buckets are cumulative, and the last one holds all. */
function samplesOf(name: string, spec: SignalSpec, series: Series<Observed>): Sample[] {
  const { bounds, buckets, count, sum } = series.point
  const labels = labelsOf(spec, series)
  let seen = 0
  const samples: Sample[] = bounds.map((bound, i) => {
    seen += buckets[i] ?? 0
    return { metricName: `${name}_bucket`, labels: { ...labels, le: bound }, value: seen }
  })
  samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count })
  samples.push({ metricName: `${name}_sum`, labels, value: sum }, { metricName: `${name}_count`, labels, value: count })
  return samples
}

function labelsOf(spec: SignalSpec, { labels }: Series<unknown>): Labels {
  return Object.fromEntries(spec.labels.map((name, i) => [name, labels[i] ?? '']))
}
