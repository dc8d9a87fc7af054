/**
 * `hearthgate import`: reads what another proxy was told, prints a configuration on stdout, and says on stderr what could not
 * be kept.
 */
import { readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { parseConfig } from '../config/load.ts'
import { presetNames } from '../config/presets.ts'
import { withoutControls } from '../config/problem.ts'
import { type ImportedRoute, importers, type ReadNamed, writeYaml } from '../import/index.ts'
import { count } from './format.ts'
import type { CliIo } from './io.ts'

/** Largest file that is read. */
const MAX_BYTES = 16 * 1024 * 1024

/** Returns the exit code: 0, 1 where the file cannot be read or holds no route. */
export function runImport({ kind, file }: { readonly kind: string; readonly file: string }, io: CliIo): number {
  const importer = Object.hasOwn(importers, kind) ? importers[kind] : undefined
  const say = (text: string) => void io.stderr.write(`${withoutControls(text)}\n`)
  if (importer === undefined) {
    say(`hearthgate: there is no importer for ${kind}, only for ${Object.keys(importers).join(', ')}`)
    return 1
  }
  let text: string
  try {
    const path = resolve(io.cwd, file)
    if (statSync(path).size > MAX_BYTES) throw new Error('it is larger than 16 MiB')
    text = readFileSync(path, 'utf8')
  } catch (error) {
    say(`hearthgate: ${file} cannot be read: ${(error as Error).message}`)
    return 1
  }
  const imported = importer(text, file, beside(resolve(io.cwd, file)))
  const { yaml, lost } = writeYaml(imported)
  const checked = parseConfig(yaml, 'gateway.yaml', { env: {} })
  io.stdout.write(yaml)
  for (const sentence of lost) say(`not kept: ${sentence}`)
  for (const { line, message } of checked.ok ? [] : checked.problems) say(`to mend in line ${line}: ${message}`)
  for (const { name, preset } of imported.routes.flatMap(withPreset)) say(`could have: ${name}: "preset: ${preset}"`)
  const routes = imported.routes.length
  say(`${count(routes, 'route')}, ${lost.length} not kept. Write it to gateway.yaml, then run: hearthgate check`)
  return routes > 0 ? 0 : 1
}

/** A file that another one names is looked for beside it: where the other proxy saw it is a path of its own container. */
function beside(file: string): ReadNamed {
  return name => {
    const path = join(dirname(file), basename(name))
    try {
      const { size } = statSync(path)
      return path === file || size > MAX_BYTES ? null : readFileSync(path, 'utf8')
    } catch {
      return null
    }
  }
}

/** An app that is called as its preset is, by its host or at its address. */
function withPreset({ name, path, hosts, upstreams }: ImportedRoute): { name: string; preset: string }[] {
  if (path !== '/') return []
  const labels = [...hosts, ...upstreams.map(url => URL.parse(url)?.hostname ?? '')].map(host => host.split('.')[0])
  const preset = presetNames().find(each => labels.includes(each))
  return preset === undefined ? [] : [{ name, preset }]
}
