/**
 * Entry in, line out: in the form and for the share of requests that the settings ask for. A destination that fails
 * loses the line; the request and the app go on.
 */
import type { ExchangeEntry } from '../contract/index.ts'
import type { Destination, OnLost } from './destination.ts'
import { combinedLine, makeJsonLine } from './line.ts'
import type { AccessLogSettings } from './options.ts'
import { decideLog } from './sampling.ts'

/** Of pino. */
const LEVEL = { info: 30, warn: 40 } as const

/** Writes the line of a request that is over, or leaves it out. Never throws. */
export type WriteEntry = (entry: ExchangeEntry) => void

export interface WriterParts {
  readonly settings: () => AccessLogSettings
  readonly destination: Destination
  /** From 0 to below 1. */
  readonly random: () => number
  readonly onLost: OnLost
}

export function makeWriter({ settings, destination, random, onLost }: WriterParts): WriteEntry {
  const writeAs = { json: jsonWriter(destination), combined: combinedWriter(destination) }
  return entry => {
    const { access, sample } = settings()
    if (access === 'none') return
    try {
      if (decideLog(entry, sample, random()).log) writeAs[access](entry)
    } catch {
      onLost('failed')
    }
  }
}

/** As pino writes a line, by whose levels readers of logs go. */
function jsonWriter(destination: Destination): WriteEntry {
  const lineOf = makeJsonLine()
  return entry => destination.write(`${lineOf(entry, isFault(entry) ? LEVEL.warn : LEVEL.info, Date.now())}\n`)
}

function combinedWriter(destination: Destination): WriteEntry {
  return entry => destination.write(`${combinedLine(entry, Date.now())}\n`)
}

/** Something on our side or the origin's; a client that leaves or asks for what is not there is daily life. */
function isFault({ status, outcome }: ExchangeEntry): boolean {
  if (status >= 500) return true
  return outcome !== 'ok' && outcome !== 'client_left' && status < 400
}
