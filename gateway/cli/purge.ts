/**
 * `hearthgate purge`: lets the running gateway forget stored answers, one selector after the other.
 */
import type { PurgeOutcome } from '../../plugins/cache/index.ts'
import { withoutControls } from '../config/problem.ts'
import { type AdminArguments, AdminError, askAdmin, findAdmin, NOT_OURS } from './admin-client.ts'
import { count } from './format.ts'
import type { CliIo } from './io.ts'

export interface PurgeArguments extends AdminArguments {
  readonly url: readonly string[]
  readonly prefix: readonly string[]
  readonly route: readonly string[]
  readonly tag: readonly string[]
  readonly all: boolean
}

interface Purge {
  readonly body: Readonly<Record<string, string | true>>
  /** What is named, for people. */
  readonly what: string
}

/** The purges that the arguments ask for, in the order of the help; none where nothing is named. */
export function listPurges({ url, prefix, route, tag, all }: PurgeArguments): Purge[] {
  return [
    ...url.map(value => ({ body: { url: value }, what: value })),
    ...prefix.map(value => ({ body: { prefix: value }, what: `addresses that begin with ${value}` })),
    ...route.map(value => ({ body: { route: value }, what: `route ${value}` })),
    ...tag.map(value => ({ body: { tag: value }, what: `tag ${value}` })),
    ...(all ? [{ body: { all: true } as const, what: 'everything' }] : []),
  ]
}

/** Resolves to the exit code: 0, or 1 at the first purge that could not be asked for. */
export async function runPurge(args: PurgeArguments, io: CliIo): Promise<number> {
  try {
    const address = await findAdmin(args, io)
    for (const { body, what } of listPurges(args)) {
      const { removed, complete } = (await askAdmin(address, '/api/cache/purge', body)) as PurgeOutcome
      if (typeof removed !== 'number') throw new AdminError(NOT_OURS)
      io.stdout.write(withoutControls(`${what}: ${count(removed, 'answer')} removed`) + (complete ? '\n' : INCOMPLETE))
    }
    return 0
  } catch (error) {
    if (!(error instanceof AdminError)) throw error
    io.stderr.write(`hearthgate: ${withoutControls(error.message)}\n`)
    return 1
  }
}

const INCOMPLETE =
  ' here; the store could not be reached, it is cleaned as soon as it answers, other gateways may serve it until then\n'
