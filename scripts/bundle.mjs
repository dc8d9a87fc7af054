// Joins the gateway and the packages that every start needs into a few files in dist/gateway/. A start from 1,400 files takes
// twice the time and half as much memory again (docs/performance.md). What tsc wrote of the plugins stays, for who imports one.
import { existsSync, globSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { build } from 'esbuild'

/** Loaded when a configuration asks for them, from the packages beside; no start waits for them. */
const external = [
  '@fastify/ajv-compiler',
  '@fastify/fast-json-stringify-compiler',
  '@fastify/otel',
  '@opentelemetry/api',
  '@peculiar/x509',
  'acme-client',
  'ioredis',
  'prom-client',
  'undici',
]

/** Each is found by its name beside the file that was joined from those that ask for it. */
const entryPoints = { main: 'gateway/main.ts', 'index-thread': 'plugins/cache/stores/disk/index-thread.ts' }

/** The builtin itself, without the module of its names: making that reads them all, and node:http then loads a client. */
const builtins = {
  name: 'builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?http$/ }, ({ path }) => ({ path, namespace: 'builtin' }))
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)})`,
      loader: 'js',
    }))
  },
}

/**
 * reply-from has a client of its own, for who gives it none; the gateway gives it one. It only asks whether that is one of
 * undici's, so it gets classes that nothing is an instance of, and a clear error for more.
 */
const replyFromAlone = {
  name: 'reply-from-alone',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^undici$/ }, ({ importer }) =>
      importer.includes('reply-from') ? { path: 'undici', namespace: 'absent' } : null,
    )
    onLoad({ filter: /.*/, namespace: 'absent' }, () => ({
      contents: `
        const known = { Pool: class {}, Client: class {}, Dispatcher: class {}, BalancedPool: class {} }
        module.exports = new Proxy(known, {
          get(_target, name) {
            if (name in known) return known[name]
            throw new Error('undici.' + String(name) + ' is not part of the gateway: see scripts/bundle.mjs')
          },
        })`,
      loader: 'js',
    }))
  },
}

/** CommonJS packages ask for builtins by `require`, which a module has not. */
const banner = `import { createRequire as __createRequire } from 'node:module'
const require = __createRequire(import.meta.url)`

/** Names of the parts of the last build. */
const PARTS = '.parts'

/**
 * @param root folder of the package; dist/gateway/ is made anew, without what tsc wrote there, but with the parts of the
 *   build before: a gateway that runs from it may load one of them later
 */
export async function bundle(root) {
  const outdir = join(root, 'dist', 'gateway')
  const parts = join(outdir, PARTS)
  const before = new Set(existsSync(parts) ? readFileSync(parts, 'utf8').split('\n') : [])
  for (const name of existsSync(outdir) ? readdirSync(outdir) : []) {
    if (!before.has(name)) rmSync(join(outdir, name), { recursive: true, force: true })
  }
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints,
    outdir,
    chunkNames: 'joined-[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.19',
    external,
    plugins: [builtins, replyFromAlone],
    banner: { js: banner },
    // Names stay as they are: they stand in traces, and Fastify tells plugins apart by them.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    sourcemap: true,
    sourcesContent: false,
    metafile: true,
    logLevel: 'warning',
  })
  writeLicenses(root, Object.keys(metafile.inputs), join(outdir, 'LICENSES.txt'))
  const names = Object.keys(metafile.outputs).map(path => basename(path))
  writeFileSync(parts, names.filter(name => name.startsWith('joined-')).join('\n'))
}

/** Of every package that was joined in: its licence asks that the text goes with the code. */
function writeLicenses(root, inputs, file) {
  const folders = new Set(inputs.map(path => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]).filter(Boolean))
  const texts = [...folders].toSorted().map(folder => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
    const [text] = globSync('{LICEN[CS]E,licen[cs]e,COPYING}*', { cwd: join(root, folder) })
    const body = text === undefined ? `License: ${license}\n` : readFileSync(join(root, folder, text), 'utf8')
    return `${name} ${version}\n\n${body.trim()}\n`
  })
  writeFileSync(file, texts.join(`\n${'-'.repeat(80)}\n\n`))
}
