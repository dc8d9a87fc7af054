/**
 * What was made of the last head of an answer that was not kept. An app that says the same many times a second is given with
 * the same array each time (plugins/upstream/h1/head-memory.ts), and then that holds again (bench: small).
 */
import { nominatedFields } from '../../proxy/index.ts'
import { type AnswerFacts, readAnswerFacts } from '../rules/answer-facts.ts'
import { endToEndFields } from './attempt.ts'

/** The time of arrival decides the century of a date with two digits, and nothing else where there is a Date. */
const HOLDS_MS = 1_000

interface Read {
  readonly rawHeaders: readonly string[]
  readonly facts: AnswerFacts
  readonly atMs: number
}

interface Told {
  readonly rawHeaders: readonly string[]
  readonly line: string
  readonly fields: string[]
}

let read: Read | null = null
let told: Told | null = null

/** Not to be changed. */
export function factsOf(rawHeaders: readonly string[], nowMs: number): AnswerFacts {
  if (read !== null && read.rawHeaders === rawHeaders && nowMs >= read.atMs && nowMs - read.atMs < HOLDS_MS)
    return read.facts
  // Fields of the hop say nothing that is read here, but Connection may name one that does.
  const fields = nominatedFields(rawHeaders) === null ? rawHeaders : endToEndFields(rawHeaders)
  const facts = readAnswerFacts(fields, nowMs)
  read = facts.hasDate ? { rawHeaders, facts, atMs: nowMs } : null
  return facts
}

/** The head with its line of Cache-Status, frozen. */
export function withCacheStatus(rawHeaders: readonly string[], line: string): string[] {
  if (told !== null && told.rawHeaders === rawHeaders && told.line === line) return told.fields
  const fields = Object.freeze([...rawHeaders, 'Cache-Status', line]) as string[]
  told = { rawHeaders, line, fields }
  return fields
}
