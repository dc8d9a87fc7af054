/**
 * The configuration file: YAML text in, `GatewayConfig` or every problem at once out. Nothing is served from a file with
 * a problem, unless `partial` asks for the sound routes.
 */
import { statSync } from 'node:fs'
import { hostname, networkInterfaces } from 'node:os'
import { dirname, resolve } from 'node:path'
import { checkDraft } from './checks.ts'
import { type Draft, draftConfig, finishRoute } from './draft.ts'
import type { Environment } from './env.ts'
import { checkFiles, readOrExplain } from './files.ts'
import { checkFolders } from './folders.ts'
import { sortProblems } from './problem.ts'
import type { Slip } from './read-context.ts'
import type { GatewayConfig, Problem, RouteConfig } from './types.ts'
import { findUnsafe } from './unsafe.ts'
import { MAX_FILE_BYTES, parseYaml } from './yaml-source.ts'

export interface LoadOptions {
  /** Environment for `${NAME}`; that of the process when left out. */
  readonly env?: Environment
  /** Serve the sound routes; faulty ones become routes with a `fault`. */
  readonly partial?: boolean
  /** In place of what the file holds now: several processes must not read several states of it. */
  readonly text?: string
}

/** With `partial`, what is wrong with faulty routes stands among the warnings. */
export type LoadResult =
  | { readonly ok: true; readonly config: GatewayConfig; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] }

/** Reads a file and everything that it names. Never throws for what a file may hold. */
export function loadConfig(file: string, options: LoadOptions = {}): LoadResult {
  const path = resolve(file)
  const text: Text = options.text === undefined ? readConfigText(path) : { ok: true, text: options.text }
  if (!text.ok) return refuse(path, text.problem)
  return analyse(text.text, path, options, localNames(), draft => {
    checkFiles(draft)
    checkFolders(draft)
  })
}

/**
 * The same for a text, without looking at any file.
 * @param file its name in problems; relative paths in it start from the folder of this file
 */
export function parseConfig(text: string, file: string, options: LoadOptions = {}): LoadResult {
  return analyse(text, resolve(file), options, [], () => undefined)
}

export type StateDirReading =
  | { readonly ok: true; readonly stateDir: string }
  | { readonly ok: false; readonly problem: string }

/**
 * Where the gateway of this file keeps its own files. Whatever else is wrong with the file, or cannot be read by who
 * asks (certificates, the environment of a service), does not matter here: the running gateway has its own copy.
 */
export function readStateDir(file: string, env: Environment): StateDirReading {
  const path = resolve(file)
  const text = readConfigText(path)
  if (!text.ok) return text
  const yaml = parseYaml(text.text)
  if (!yaml.ok) return { ok: false, problem: yaml.faults[0]?.message ?? 'not valid YAML' }
  const draft = draftConfig(yaml.source, dirname(path), env)
  const slip = draft.slips.find(each => each.path === 'state_dir')
  return slip === undefined ? { ok: true, stateDir: draft.globals.stateDir } : { ok: false, problem: slip.message }
}

type Text = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: string }

/** The text of a configuration file as it is now, or why there is none. */
export function readConfigText(path: string): Text {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat !== undefined && stat.size > MAX_FILE_BYTES) return { ok: false, problem: 'the file is larger than 1 MiB' }
  const content = readOrExplain(path)
  if (typeof content === 'string')
    return { ok: false, problem: `cannot be read: ${content}; name another one with --config FILE` }
  try {
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(content) }
  } catch {
    return { ok: false, problem: 'the file is not UTF-8 text' }
  }
}

function localNames(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap(entries => entries ?? [])
  return [hostname().toLowerCase(), ...addresses.map(entry => entry.address)]
}

function refuse(file: string, message: string): LoadResult {
  return { ok: false, problems: [{ file, line: 1, column: 1, route: null, message }], warnings: [] }
}

function analyse(
  text: string,
  file: string,
  options: LoadOptions,
  local: readonly string[],
  checkNamedFiles: (draft: Draft) => void,
): LoadResult {
  const yaml = parseYaml(text)
  if (!yaml.ok) {
    const problems = yaml.faults.map(({ place, message }) => ({ file, ...place, route: null, message }))
    return { ok: false, problems: sortProblems(problems), warnings: [] }
  }
  if (yaml.source.root === null) return refuse(file, 'the file is empty: it needs "routes"')
  const draft = draftConfig(yaml.source, dirname(file), options.env ?? process.env)
  checkDraft(draft, local)
  checkNamedFiles(draft)
  return conclude(draft, file, options.partial ?? false)
}

function conclude(draft: Draft, file: string, partial: boolean): LoadResult {
  const toProblem = ({ path, place, message }: Slip): Problem => {
    const route = draft.routes[routeIndexOf(path) ?? -1]?.name ?? null
    return { file, ...place, route, message }
  }
  const warnings = findUnsafe(draft).map(toProblem)
  const isSound = draft.slips.every(slip => partial && isForgivable(draft, slip))
  if (!isSound)
    return { ok: false, problems: sortProblems(draft.slips.map(toProblem)), warnings: sortProblems(warnings) }
  const faults = draft.slips.map(slip => ({ ...toProblem(slip), message: `not served: ${slip.message}` }))
  return {
    ok: true,
    config: { file, ...draft.globals, routes: finishRoutes(draft) },
    warnings: sortProblems([...warnings, ...faults]),
  }
}

/** Which route a path of the YAML belongs to. */
function routeIndexOf(path: string): number | null {
  const [scope, index] = path.split('.', 2)
  return scope === 'routes' && index !== undefined ? Number(index) : null
}

/**
 * `partial` leaves a faulty route out, but never a deny whose match is unknown: what it closes would stand open.
 */
function isForgivable(draft: Draft, slip: Slip): boolean {
  const route = draft.routes[routeIndexOf(slip.path) ?? -1]
  return route !== undefined && !(route.deny && draft.faulty.has(`${route.path}.match`))
}

/** A faulty route does not take a host and path from a route that stands before it. */
function finishRoutes(draft: Draft): RouteConfig[] {
  const slipsOf = Map.groupBy(draft.slips, slip => routeIndexOf(slip.path))
  const taken = new Set<string>()
  return draft.routes.map((route, i) => {
    const slips = slipsOf.get(i) ?? []
    const keyOf = (host: string): string => `${host} ${route.matchPath}`
    const hosts = slips.length === 0 || route.deny ? route.hosts : route.hosts.filter(host => !taken.has(keyOf(host)))
    for (const host of hosts) taken.add(keyOf(host))
    const fault = slips.map(slip => `line ${slip.place.line}: ${slip.message}`).join('; ')
    return finishRoute({ ...route, hosts }, slips.length === 0 ? null : fault)
  })
}
