/**
 * Entry in, line out: in the form and for the share of requests that the settings ask for. A destination that fails
 * loses the line; the request and the app go on.
 */
import pino from 'pino'
import type { ExchangeEntry } from '../contract/index.ts'
import type { Destination, OnLost } from './destination.ts'
import { combinedLine, jsonFields } from './line.ts'
import type { AccessLogSettings } from './options.ts'
import { decideLog } from './sampling.ts'

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

function jsonWriter(destination: Destination): WriteEntry {
  const logger = pino({ base: null }, { write: line => destination.write(line) })
  return entry => {
    if (isFault(entry)) logger.warn(jsonFields(entry), 'request')
    else logger.info(jsonFields(entry), 'request')
  }
}

function combinedWriter(destination: Destination): WriteEntry {
  return entry => destination.write(`${combinedLine(entry, Date.now())}\n`)
}

/** Something on our side or the origin's; a client that leaves or asks for what is not there is daily life. */
function isFault({ status, outcome }: ExchangeEntry): boolean {
  if (status >= 500) return true
  return outcome !== 'ok' && outcome !== 'client_left' && status < 400
}
