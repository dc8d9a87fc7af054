/** The tables of the real bodies. */
import type { Machine } from '../machine.ts'
import type { Coding } from '../workloads.ts'

export interface Figure {
  readonly body: string
  readonly coding: Coding
  readonly contender: string
  readonly cpuMs: number
  readonly bytes: number
  readonly firstByteMs: number
}

export interface BodiesResult {
  readonly once: readonly Figure[]
  readonly again: readonly Figure[]
  /** CPU seconds of each between storing and asking again, for all bodies and codings. */
  readonly rest: readonly { readonly contender: string; readonly cpuSeconds: number }[]
  /** Requests that the origin saw while all was asked again. */
  readonly originRequests: number
}

export interface BodiesRun {
  readonly machine: Machine
  readonly rounds: number
  readonly command: string
}

/** Markdown. Ratios are to nginx in the same coding; zstd has them to Caddy, and where stored to nginx's brotli. */
export function renderBodies(result: BodiesResult, { machine, rounds, command }: BodiesRun): string {
  const { once, again, rest, originRequests } = result
  const { cores, cpu, system, node, commit } = machine
  const place = `${cores} cores (${cpu}), ${system}, Node ${node}, commit ${commit}`
  const background = rest.map(({ contender, cpuSeconds }) => `${contender} ${cpuSeconds.toFixed(1)} s`).join(', ')
  return [
    '## Real bodies',
    '',
    `One request at a time; CPU: mean of the two lowest of ${rounds} rounds in turn; ${place}; \`${command}\``,
    '',
    '### Encoded anew at each request',
    '',
    ...table(once, coding => (coding === 'zstd' ? ['caddy', 'zstd'] : ['nginx', coding])),
    '',
    '### Stored, and asked again ten seconds later',
    '',
    ...table(again, coding => (coding === 'zstd' ? ['nginx', 'br'] : ['nginx', coding])),
    '',
    `The origin saw ${originRequests} requests meanwhile. CPU time of those ten seconds: ${background}.`,
    '',
  ].join('\n')
}

type Reference = (coding: Coding) => readonly [contender: string, coding: Coding]

function table(figures: readonly Figure[], referenceOf: Reference): string[] {
  return [
    '| body | coding | contender | bytes | x | CPU ms | x | first byte ms |',
    '| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |',
    ...figures.map(figure => row(figure, figures, referenceOf)),
  ]
}

function row(figure: Figure, figures: readonly Figure[], referenceOf: Reference): string {
  const [contender, coding] = referenceOf(figure.coding)
  const reference = figures.find(
    each => each.body === figure.body && each.contender === contender && each.coding === coding,
  )
  const ratio = (of: (each: Figure) => number) =>
    reference === undefined ? '-' : (of(figure) / of(reference)).toFixed(2)
  const cells = [
    figure.body,
    figure.coding,
    figure.contender,
    figure.bytes.toFixed(0),
    ratio(({ bytes }) => bytes),
    figure.cpuMs.toFixed(2),
    ratio(({ cpuMs }) => cpuMs),
    figure.firstByteMs.toFixed(1),
  ]
  return `| ${cells.join(' | ')} |`
}
