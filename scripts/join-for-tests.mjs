// Joins the files of typebox for the test files (test/support/joined-packages.ts): nearly every one of them loads it, and from
// its 680 files that takes as long as half of all the others together. A part of `npm test`, not of the build.
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

await build({
  absWorkingDir: root,
  entryPoints: { typebox: 'typebox', 'typebox-value': 'typebox/value' },
  outdir: join(root, 'node_modules', '.cache', 'joined'),
  outExtension: { '.js': '.mjs' },
  bundle: true,
  // Both entries share what they have in common, as the files of the package do.
  splitting: true,
  format: 'esm',
  platform: 'node',
  logLevel: 'warning',
})
