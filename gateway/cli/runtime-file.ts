/**
 * The file by which other commands find a running gateway: address and token of its admin listener. It holds a secret,
 * so nobody but the owner may ever read it, whatever lay in its place before.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunningGateway } from '../lifecycle.ts'

const RUNTIME_FILE = 'runtime.json'

/**
 * Returns the path: a reload may name another `state_dir`, the file stays where it is.
 * @throws the error of the file system
 */
export async function writeRuntimeFile({ admin, config }: RunningGateway): Promise<string> {
  const path = join(config.stateDir, RUNTIME_FILE)
  const temporary = `${path}.${process.pid}.new`
  await mkdir(config.stateDir, { recursive: true })
  await rm(temporary, { force: true })
  try {
    const facts: RuntimeFacts = { admin, token: config.admin.token, pid: process.pid }
    const text = JSON.stringify(facts)
    // A mode is for new files only: one that is there would keep its own, and its readers.
    await writeFile(temporary, `${text}\n`, { mode: 0o600, flag: 'wx' })
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  return path
}

export interface RuntimeFacts {
  /** Address of the admin listener. */
  readonly admin: string
  readonly token: string | null
  readonly pid: number
}

export type RuntimeReading =
  | { readonly ok: true; readonly path: string; readonly facts: RuntimeFacts }
  | { readonly ok: false; readonly path: string; readonly reason: 'missing' | 'unreadable' }

/** Never rejects. */
export async function readRuntimeFile(stateDir: string): Promise<RuntimeReading> {
  const path = join(stateDir, RUNTIME_FILE)
  try {
    const { admin, token, pid } = JSON.parse(await readFile(path, 'utf8')) as Partial<RuntimeFacts>
    if (typeof admin !== 'string' || typeof pid !== 'number') return { ok: false, path, reason: 'unreadable' }
    return { ok: true, path, facts: { admin, token: typeof token === 'string' ? token : null, pid } }
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    return { ok: false, path, reason: isMissing ? 'missing' : 'unreadable' }
  }
}

/** Leaves the file of another gateway, which has started while this one drained, where it is. Never rejects. */
export async function removeRuntimeFile(path: string): Promise<void> {
  try {
    const { pid } = JSON.parse(await readFile(path, 'utf8')) as { pid?: unknown }
    if (pid === process.pid) await rm(path, { force: true })
  } catch {}
}
