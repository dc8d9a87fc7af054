/** The table of the page loads. */
import type { Machine } from '../machine.ts'

export interface Figures {
  readonly app: string
  readonly door: string
  /** The door that its ratios are taken to. */
  readonly reference: string
  readonly first: { readonly ms: number; readonly bytes: number }
  readonly second: { readonly ms: number; readonly bytes: number }
}

export interface PagesRun {
  readonly machine: Machine
  readonly line: string
  readonly rounds: number
  readonly command: string
}

/** Markdown. */
export function renderPages(figures: readonly Figures[], { machine, line, rounds, command }: PagesRun): string {
  const lines = [
    '## Page loads in Chromium',
    '',
    `${line}; medians of ${rounds} rounds, doors in turn; ${on(machine)}; \`${command}\``,
    '',
    '| app | door | first ms | x | KiB | second ms | x | KiB |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...figures.map(each => row(each, figures)),
    '',
    'x: to nginx over plain HTTP, and over TLS to nginx tuned by hand.',
    '',
  ]
  return lines.join('\n')
}

function row(each: Figures, all: readonly Figures[]): string {
  const reference = all.find(({ app, door }) => app === each.app && door === each.reference) ?? each
  const part = (visit: 'first' | 'second') => {
    const { ms, bytes } = each[visit]
    return `${ms.toFixed(0)} | ${(ms / reference[visit].ms).toFixed(2)} | ${(bytes / 1024).toFixed(0)}`
  }
  return `| ${each.app} | ${each.door} | ${part('first')} | ${part('second')} |`
}

const on = ({ cores, cpu, system, node, commit }: Machine): string =>
  `${cores} cores (${cpu}), ${system}, Node ${node}, commit ${commit}`
