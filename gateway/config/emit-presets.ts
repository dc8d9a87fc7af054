/**
 * Writes the tables of `docs/presets.md` out of the presets: `node gateway/config/emit-presets.ts` writes the page, a test
 * checks that it is up to date.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { findPreset, type Preset, type PresetPromise, presetNames } from './presets.ts'

const BEGIN = '<!-- made by gateway/config/emit-presets.ts -->'
export const page = fileURLToPath(new URL('../../docs/presets.md', import.meta.url))

/** The page with its tables made anew; what stands above them is written by hand. */
export function emitPresets(text: string): string {
  const presets = presetNames().map(name => findPreset(name) as Preset)
  return `${text.slice(0, text.indexOf(BEGIN))}${BEGIN}\n\n${presets.map(section).join('\n')}`
}

function section(preset: Preset): string {
  const { name, title, version, contract, app } = preset
  const rows = contract.map(line => `| ${cell(line.rule)} | ${code(tested(line))} | ${source(line.source)} |`)
  const advice = app.map(({ where, line, why }) => `- ${where}: ${code(line)}, else ${why}`)
  return [
    `## ${title}: \`preset: ${name}\`, version ${version}`,
    ...['', '| holds | test | source of the rule |', '|---|---|---|', ...rows, ''],
    ...(advice.length === 0 ? [] : ['In the app itself:', '', ...advice, '']),
  ].join('\n')
}

function tested({ promise, method, path, field, value, seconds, size }: PresetPromise): string {
  const time = seconds === undefined ? undefined : `${seconds} s`
  return [promise, method, path, field, value, time, size].filter(part => part !== undefined).join(' ')
}

function source(address: string): string {
  if (!address.startsWith('http')) return 'our own'
  return `[${new URL(address).host}](${address})`
}

function code(text: string): string {
  return `\`${cell(text)}\``
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, emitPresets(readFileSync(page, 'utf8')))
