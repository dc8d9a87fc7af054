/**
 * The presets that come with the gateway: YAML files beside the code, read when somebody names one. Their settings lie
 * over `defaults` and under what a route says itself.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { PRESETS_FOLDER } from '../places.ts'
import { isBlock, overlay, type Sparse } from './complete.ts'
import { UNWRITTEN } from './kinds.ts'
import type { PROMISES } from './preset-schema.ts'
import { presetSchema } from './preset-schema.ts'
import { readNode } from './read.ts'
import { type ReadContext, TOP } from './read-context.ts'
import { nearest } from './suggest.ts'
import { parseYaml } from './yaml-source.ts'

export interface Preset {
  readonly name: string
  readonly version: number
  readonly title: string
  /** Ports of the app by default. */
  readonly ports: readonly number[]
  /** Ports that must not be an upstream, and why. */
  readonly unsafePorts: Readonly<Record<string, string>>
  /** Pages by the short names that lines of the contract give. */
  readonly sources: Readonly<Record<string, string>>
  /** Settings as `RouteConfig` names them; what is not set is left out. */
  readonly route: Sparse
  readonly app: readonly AppAdvice[]
  readonly contract: readonly PresetPromise[]
  /** The file. */
  readonly text: string
}

/** A line for the app's own configuration. */
export interface AppAdvice {
  readonly where: string
  readonly line: string
  readonly why: string
}

export interface PresetPromise {
  readonly rule: string
  /** Address of a page, or the name of a document. */
  readonly source: string
  readonly promise: (typeof PROMISES)[number]
  readonly method?: string
  readonly path?: string
  readonly field?: string
  readonly value?: string
  readonly seconds?: number
  readonly size?: string
}

const EXTENSION = '.yaml'
const known = new Map<string, Preset>()
let names: readonly string[] | null = null

/** In the order of the alphabet. */
export function presetNames(): readonly string[] {
  names ??= readdirSync(PRESETS_FOLDER)
    .filter(file => file.endsWith(EXTENSION))
    .map(file => file.slice(0, -EXTENSION.length))
    .toSorted()
  return names
}

/** Null where there is none of this name. */
export function findPreset(name: string): Preset | null {
  const read = known.get(name)
  if (read !== undefined) return read
  if (!presetNames().includes(name)) return null
  const preset = readPreset(readFileSync(new URL(name + EXTENSION, PRESETS_FOLDER), 'utf8'), name)
  known.set(name, preset)
  return preset
}

/** What to say about a name that is no preset. */
export function explainUnknownPreset(name: string): string {
  const near = nearest(name, presetNames())
  const advice = near === undefined ? `there are ${presetNames().join(', ')}` : `did you mean ${JSON.stringify(near)}`
  return `no preset is called ${JSON.stringify(name)}, ${advice}`
}

/** @throws Error with every slip in the text. */
export function readPreset(text: string, name: string): Preset {
  const yaml = parseYaml(text)
  if (!yaml.ok) throw new Error(`preset ${name}: ${yaml.faults.map(({ message }) => message).join('; ')}`)
  const context: ReadContext = {
    source: yaml.source,
    folder: '/',
    environment: {},
    index: new Map(),
    slips: [],
    faulty: new Set(),
    written: new Map(),
    visited: 0,
  }
  const read = readNode(presetSchema, yaml.source.root, TOP, context) as Omit<Preset, 'name' | 'text'> & {
    preset: string
  }
  const slips = context.slips.map(({ place, message }) => `line ${place.line}: ${message}`)
  if (slips.length === 0 && read.preset !== name) slips.push(`it calls itself ${read.preset}`)
  if (slips.length > 0) throw new Error(`preset ${name}: ${slips.join('; ')}`)
  const { preset: _name, ...rest } = read
  const contract = rest.contract.map(line => ({ ...line, source: sourceOf(line.source, rest.sources, name) }))
  return { ...{ ports: [], unsafePorts: {}, app: [] }, ...rest, name, contract, text }
}

function sourceOf(source: string, sources: Preset['sources'], name: string): string {
  const page = sources[source]
  if (page === undefined) throw new Error(`preset ${name}: no source is called ${source}`)
  return page
}

/** A preset's settings over those of `defaults`; a block that is switched off there stays off. */
export function overDefaults(defaults: unknown, preset: Sparse): Sparse {
  const under = isBlock(defaults) ? defaults : {}
  const kept = Object.entries(preset).filter(([key]) => under[key] !== false && under[key] !== UNWRITTEN)
  return overlay(under, Object.fromEntries(kept)) as Sparse
}
