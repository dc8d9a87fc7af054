/** A place for one run: a temporary folder and the children in it, gone at the end, on errors and on signals. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Children } from './processes.ts'

export interface Session {
  readonly children: Children
  readonly directory: string
}

const SIGNAL_EXITS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** Calls `work` and cleans up after it. A signal ends everything and the process with 128 + its number. */
export async function withSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
  const session: Session = { children: new Children(), directory: mkdtempSync(join(tmpdir(), 'hearthgate-bench-')) }
  const cleanNow = () => {
    session.children.killAll()
    rmSync(session.directory, { recursive: true, force: true })
  }
  process.once('exit', cleanNow)
  for (const [name, code] of Object.entries(SIGNAL_EXITS)) process.once(name, () => process.exit(code))
  try {
    return await work(session)
  } finally {
    await session.children.stopAll()
    process.off('exit', cleanNow)
    cleanNow()
  }
}
