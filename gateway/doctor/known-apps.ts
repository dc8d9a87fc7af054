/**
 * Signs of known apps, as data. Each sign was seen on the app itself or stands in its preset; what an app is like beyond
 * that (paths of its sockets and streams, sizes, times) is read from the contract of its preset.
 */
import { findPreset, type Preset, presetNames } from '../config/presets.ts'
import type { Page } from './page.ts'
import { type Answer, field } from './seen.ts'

/** Something that only this app shows. All that is given has to match. */
interface Sign {
  /** Name of the preset, or `builtin:demo`. */
  readonly app: string
  readonly title?: string
  readonly meta?: readonly [name: string, content: string]
  readonly field?: readonly [name: string, value: string | null]
  readonly text?: string
}

const SIGNS: readonly Sign[] = [
  { app: 'builtin:demo', field: ['server', 'hearthgate-demo'] },
  // Seen on Node-RED 5.0.7, TiddlyWiki 5.4.1, Verdaccio 6.10.4, Flood 4.16.2 and Transmission 3.00.
  { app: 'node-red', title: 'Node-RED' },
  { app: 'tiddlywiki', meta: ['application-name', 'TiddlyWiki'] },
  { app: 'verdaccio', title: 'Verdaccio' },
  { app: 'flood', title: 'Flood' },
  { app: 'transmission', field: ['server', 'Transmission'] },
  { app: 'transmission', field: ['x-transmission-session-id', null] },
  // From the presets: what these apps answer to a name that they do not know.
  { app: 'syncthing', text: 'Host check error' },
  { app: 'nextcloud', text: 'access through untrusted domain' },
]

/** An app as far as the doctor knows it. */
export interface KnownApp {
  /** Name of the preset; null = it has none. */
  readonly preset: string | null
  readonly title: string
  /** How it was recognised, as the end of a sentence. */
  readonly by: string
  /** False = it may be another one. */
  readonly isCertain: boolean
  readonly paths: AppPaths
}

/** Paths of the app, below its own root. */
export interface AppPaths {
  readonly upgrades: readonly string[]
  readonly streams: readonly string[]
  readonly ranges: readonly string[]
  /** Where the app looks closer at who asks than on its front page. */
  readonly strict: readonly string[]
}

const DEMO: KnownApp = {
  preset: null,
  title: 'the built-in demo',
  by: 'its Server field says so',
  isCertain: true,
  paths: { upgrades: ['/ws'], streams: ['/events'], ranges: ['/range'], strict: [] },
}

/** Who it is by what it answered; null = unknown. */
export function recognise(answers: readonly Answer[], page: Page | null): KnownApp | null {
  const sign = SIGNS.find(one => answers.some(answer => shows(one, answer, page)))
  if (sign === undefined) return null
  if (sign.app === 'builtin:demo') return DEMO
  return knownByPreset(sign.app, `by ${describe(sign)}`, true)
}

function shows({ title, meta, field: wanted, text }: Sign, answer: Answer, page: Page | null): boolean {
  if (title !== undefined && page?.title !== title) return false
  if (meta !== undefined && page?.meta[meta[0]] !== meta[1]) return false
  if (text !== undefined && !startOf(answer).includes(text.toLowerCase())) return false
  if (wanted === undefined) return true
  const value = field(answer, wanted[0])
  return wanted[1] === null ? value !== null : value === wanted[1]
}

const startOf = ({ body }: Answer): string => body.subarray(0, 65_536).toString('utf8').toLowerCase()

function describe({ title, meta, field: wanted, text }: Sign): string {
  if (title !== undefined) return `the title of its page`
  if (meta !== undefined) return `${meta[0]} in its page`
  return wanted !== undefined ? `its field ${wanted[0]}` : `its words "${text}"`
}

/** @returns null where there is no such preset */
export function knownByPreset(name: string, by: string, isCertain: boolean): KnownApp | null {
  const preset = findPreset(name)
  return preset === null ? null : { preset: name, title: preset.title, by, isCertain, paths: pathsOf(preset) }
}

/** Sockets and streams stand at fixed paths; what is served by range stands for one thing of one person. */
function pathsOf(preset: Preset): AppPaths {
  const { contract } = preset
  const of = (promise: string) =>
    contract.flatMap(line => (line.promise === promise && line.path !== undefined ? [line.path] : []))
  const own = ownPathOf(preset)
  return {
    ...{ upgrades: of('upgrades'), streams: of('streams'), ranges: [] },
    strict: own === null ? of('once') : [own, ...of('once')],
  }
}

/** Presets of apps that listen on this port by default, and no other app that is known does. */
export function soleOwnerOf(port: number): Preset | null {
  const owners = presetNames()
    .flatMap(name => findPreset(name) ?? [])
    .filter(({ ports }) => ports.includes(port))
  const [owner] = owners
  return owners.length === 1 && owner !== undefined ? owner : null
}

/** Verdaccio would fetch the package of its contract from elsewhere, and keep it. */
const LEFT_ALONE: ReadonlySet<string> = new Set(['verdaccio'])

/** A path that the preset says the app answers a GET of, asked for by nobody in particular. */
export function ownPathOf({ name, contract }: Preset): string | null {
  if (LEFT_ALONE.has(name)) return null
  const line = contract.find(({ promise, method = 'GET', path }) => promise === 'accepts' && method === 'GET' && path)
  return line?.path ?? null
}
