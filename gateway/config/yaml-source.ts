/**
 * YAML text to nodes with places. What the text's syntax already rules out becomes a list of faults, each with its
 * place; nothing here knows the schema.
 */
import { type Document, isAlias, LineCounter, type Node, parseAllDocuments } from 'yaml'
import type { Place } from './problem.ts'

/** Largest file that is read, in bytes. */
export const MAX_FILE_BYTES = 1024 ** 2

/** Syntax errors that are told; after so many the rest only follows from the first ones. */
const MAX_FAULTS = 50

export interface Fault {
  readonly place: Place
  readonly message: string
}

/** A parsed file: its root node and how to find places in it. */
export interface YamlSource {
  /** Null for a file without content. */
  readonly root: Node | null
  placeOf(node: Node | null | undefined): Place | null
  /** The node that an alias stands for; null where there is none. */
  follow(node: Node): Node | null
}

export type YamlReading =
  | { readonly ok: true; readonly source: YamlSource }
  | { readonly ok: false; readonly faults: readonly Fault[] }

export function parseYaml(text: string): YamlReading {
  if (Buffer.byteLength(text) > MAX_FILE_BYTES) return refuse('the file is larger than 1 MiB')
  const lines = new LineCounter()
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  try {
    const documents = parseAllDocuments(text, {
      lineCounter: lines,
      prettyErrors: false,
      uniqueKeys: false,
      logLevel: 'silent',
    })
    if (!Array.isArray(documents)) return { ok: true, source: sourceOf(null, placeAt) }
    const faults = documents.slice(0, 2).flatMap(document => faultsOf(document, text, placeAt))
    const second = documents[1]
    if (second !== undefined)
      faults.push({
        place: placeAt(second.range[0]),
        message: 'a second document begins here: one file holds one configuration',
      })
    return faults.length > 0 ? { ok: false, faults } : { ok: true, source: sourceOf(documents[0] ?? null, placeAt) }
  } catch (error) {
    return refuse(`cannot be read as YAML: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function refuse(message: string): YamlReading {
  return { ok: false, faults: [{ place: { line: 1, column: 1 }, message }] }
}

function sourceOf(document: Document.Parsed | null, placeAt: (offset: number) => Place): YamlSource {
  return {
    root: (document?.contents as Node | null | undefined) ?? null,
    placeOf: node => (node?.range ? placeAt(node.range[0]) : null),
    follow: node => (isAlias(node) && document !== null ? (node.resolve(document) ?? null) : node),
  }
}

function faultsOf(document: Document.Parsed, text: string, placeAt: (offset: number) => Place): Fault[] {
  return [...document.errors, ...document.warnings].slice(0, MAX_FAULTS).map(error => {
    const place = placeAt(Math.min(error.pos[0], text.trimEnd().length))
    return { place, message: `not valid YAML: ${error.message}${hintFor(text, place.line)}` }
  })
}

/** `${NAME}` opens a flow mapping where it stands bare inside `{ }` or `[ ]`, the commonest slip of all. */
function hintFor(text: string, line: number): string {
  const content = text.split('\n', line)[line - 1] ?? ''
  const reference = content.indexOf('${')
  const bare = reference > 0 && content[reference - 1] !== '"' && content[reference - 1] !== "'"
  return bare && /[{[]/.test(content.slice(0, reference)) ? ` (inside { } and [ ] write "\${NAME}" in quotes)` : ''
}
