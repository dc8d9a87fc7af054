/**
 * Where the files of a disk store are. Names are random numbers of ours, never a byte of a client.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Only the user that runs the gateway may look. */
export const FOLDER_MODE = 0o700
export const FILE_MODE = 0o600
const FANOUT = 256

export interface StoreFolder {
  readonly root: string
  readonly index: string
  /** Its presence asks the next start to begin afresh: the index was found damaged. */
  readonly damaged: string
  readonly bodies: string
  /** Bodies that are being written. On the same file system, so that renaming is one step. */
  readonly writing: string
}

export function storeFolder(root: string): StoreFolder {
  return {
    root,
    index: join(root, 'index.sqlite'),
    damaged: join(root, 'damaged'),
    bodies: join(root, 'bodies'),
    writing: join(root, 'writing'),
  }
}

/** @throws the errors of the file system */
export function makeFolders(folder: StoreFolder): void {
  mkdirSync(folder.root, { recursive: true, mode: FOLDER_MODE })
  mkdirSync(folder.writing, { recursive: true, mode: FOLDER_MODE })
  for (let part = 0; part < FANOUT; part++)
    mkdirSync(join(folder.bodies, part.toString(16).padStart(2, '0')), { recursive: true, mode: FOLDER_MODE })
}

/** A name that no other body has, of any process. */
export function nameGeneration(): string {
  return randomBytes(16).toString('hex')
}

/** Whether a file has a name of ours: 32 lower-case hex digits. */
export function isGeneration(name: string): boolean {
  return /^[0-9a-f]{32}$/.test(name)
}

export function bodyPath(folder: StoreFolder, generation: string): string {
  return join(folder.bodies, generation.slice(0, 2), generation)
}

export function writingPath(folder: StoreFolder, generation: string): string {
  return join(folder.writing, generation)
}

/**
 * Names this run of the machine. What was written in another run may have been cut by a loss of power, and is checked
 * before it is used; where the system does not tell, every start of the process counts as another run.
 */
export function readBoot(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  } catch {
    return nameGeneration()
  }
}
