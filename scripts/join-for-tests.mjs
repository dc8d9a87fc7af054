// Joins the files of typebox for the test files (test/support/joined-packages.ts): nearly every one of them loads it, and from
// its 680 files that takes as long as half of all the others together.
import { join } from 'node:path'
import { build } from 'esbuild'

export async function joinForTests(root) {
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
}
