/**
 * Loaded in front of each test file that `tap` runs (package.json, `node-arg`): packages of many small files are read from the
 * one that `npm test` has joined. Where nothing was joined, or a file is run by itself, they come from their own files as always.
 *
 * The other `node-arg` names a module that tap loads anyway. Named there, it is not handed to every process in front of all
 * else, where it would watch tap's own modules being loaded: a quarter of a second a file.
 */
import { existsSync } from 'node:fs'
import { registerHooks } from 'node:module'

const folder = new URL('../../node_modules/.cache/joined/', import.meta.url)
const joined = new Map([
  ['typebox', new URL('typebox.mjs', folder)],
  ['typebox/value', new URL('typebox-value.mjs', folder)],
])

if ([...joined.values()].every(existsSync)) {
  registerHooks({
    resolve(specifier, context, next) {
      const url = joined.get(specifier)
      return url === undefined ? next(specifier, context) : { url: url.href, shortCircuit: true }
    },
  })
}

// Types are stripped in place, so that lines and columns are true without the maps, and packages bring hundreds of them.
process.setSourceMapsEnabled(false)
