/**
 * What a gateway that was killed while it made its authority has left: a folder with a key that nothing was signed with.
 */
import { lstat, readdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** Between the name of the folder and the six characters of `mkdtemp`. */
export const UNFINISHED = '.new-'
/** Another gateway that starts at the same time is done long before. */
const LEFT_AFTER_MS = 600_000
/** Most that one start removes: no more are looked at than a few crashes leave. */
const MAX_REMOVED = 100

/**
 * Removes them. What stands in the way is no reason not to start, so nothing is thrown; only folders of our own kind go, by
 * their whole name, and no link is followed.
 */
export async function removeLeftovers(folder: string, nowMs: number): Promise<void> {
  const parent = dirname(folder)
  const names = await readdir(parent).catch(() => [])
  const left = names.filter(name => isLeftover(name, basename(folder))).slice(0, MAX_REMOVED)
  await Promise.all(left.map(name => removeOld(join(parent, name), nowMs).catch(() => {})))
}

function isLeftover(name: string, of: string): boolean {
  return name.startsWith(of + UNFINISHED) && /^[A-Za-z0-9]{6}$/.test(name.slice(of.length + UNFINISHED.length))
}

async function removeOld(path: string, nowMs: number): Promise<void> {
  const found = await lstat(path)
  if (!found.isDirectory() || nowMs - found.mtimeMs < LEFT_AFTER_MS) return
  await rm(path, { recursive: true, force: true })
}
