/**
 * Where the gateway's log lines go: JSON on stderr, so that stdout keeps the one line that scripts wait for.
 */
import pino, { type Logger } from 'pino'

export interface LogTarget {
  readonly logger: Logger
}

/** Levels as in the configuration, which sets them once it has been read; `silent` writes nothing. */
export function openLog(level = 'info'): LogTarget {
  const destination = pino.destination({ dest: 2, sync: true })
  return { logger: pino({ level, base: { name: 'hearthgate' } }, destination) }
}
