#!/usr/bin/env node
/**
 * The command `hearthgate`. Looks at the version of Node before anything else is loaded, because older ones fail on
 * the first import with a message that helps nobody.
 */

/** First version with everything that is used (zstd, type stripping, fixes of 2025 and 2026). */
const NEEDED = [22, 19] as const
/** EX_CONFIG of sysexits: wrong set-up, not a crash. */
const EXIT_CONFIG = 78

/** Time for the last bytes on stdout and stderr. */
const LEFT_OPEN_MS = 5000

/** The code that a start compiles is kept beside the built files, where they may be written to: the next start has it. */
function keepCompiled(): void {
  const { dirname, filename } = import.meta
  if (!filename.endsWith('.ts')) process.getBuiltinModule('node:module').enableCompileCache(`${dirname}/.compiled`)
}

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
  const wanted = `Node ${NEEDED.join('.')} or newer`
  console.error(`hearthgate needs ${wanted}, this is ${process.versions.node}; "npm start" uses the one it came with.`)
  process.exitCode = EXIT_CONFIG
} else {
  keepCompiled()
  const { run } = await import('./cli/index.ts')
  process.exitCode = await run(process.argv.slice(2))
  // A command that is over ends, whatever a part of it left open.
  setTimeout(() => process.exit(), LEFT_OPEN_MS).unref()
}
