/**
 * Looks at where a configuration has the gateway keep its files: a path that can never become a folder is a mistake in the
 * file. Nothing is made here, and who may write there is not asked: `check` may be run by somebody else.
 */
import { statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Draft, objectTo } from './draft.ts'

/**
 * Views of the kernel that hold no files of others (statfs(2)), by their type. Node's `mkdir` with `recursive` never ends
 * below the first: the system says that a folder is missing which is there.
 */
const KERNEL_VIEWS: Readonly<Record<number, string>> = { 40864: 'proc', 1650812274: 'sysfs' }

const REASONS: Readonly<Record<string, string>> = {
  ELOOP: 'its symbolic links go round in circles',
  ENAMETOOLONG: 'a name in it is too long',
}

export function checkFolders(draft: Draft): void {
  const { stateDir, store } = draft.globals
  check(draft, 'state_dir', stateDir)
  if (store.startsWith('disk:')) check(draft, 'store', store.slice('disk:'.length))
}

function check(draft: Draft, key: string, folder: string): void {
  if (draft.faulty.has(key)) return
  const reason = explainNoFolder(folder)
  if (reason === null) return
  objectTo(draft, key, `"${key}": ${folder} cannot be a folder: ${reason}; name a folder that this user can write in`)
}

/** Why no folder can be made at an absolute path, null where that is not known. */
export function explainNoFolder(folder: string): string | null {
  for (let path = folder; ; path = dirname(path)) {
    try {
      const stat = statSync(path, { throwIfNoEntry: false })
      if (stat === undefined) continue
      if (!stat.isDirectory()) return path === folder ? 'it is a file' : `${path} is a file`
      const view = KERNEL_VIEWS[statfsSync(path).type]
      return view === undefined ? null : `${path} is a view of the kernel (${view})`
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException
      // The file above it is found on the way up.
      if (code !== 'ENOTDIR') return REASONS[code] ?? null
    }
  }
}
