/**
 * The gateway itself: the built command with every default on: without and with its access log, and with
 * its cache in memory or on disk.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DISK_MIB, MEMORY_MIB } from './bounds.ts'
import { PROJECT_FOLDER } from './installed.ts'
import type { Availability, CacheSetting, Contender, Launch, Setting } from './types.ts'

const MAIN = join(PROJECT_FOLDER, 'dist', 'gateway', 'main.js')

function find(): Availability {
  if (!existsSync(MAIN)) return { available: false, reason: 'not built (npm run build)' }
  const { version } = JSON.parse(readFileSync(join(PROJECT_FOLDER, 'package.json'), 'utf8')) as { version: string }
  return { available: true, version }
}

interface Wishes {
  readonly access?: 'none' | 'json'
  readonly store?: string
  /** Answers tell their timing, and requests their trace. */
  readonly told?: boolean
  readonly main?: string
  /** The Node that runs it; the bench's own without it. */
  readonly node?: string
}

function launch({ directory, port, originPort, tls }: Setting, wishes: Wishes = {}): Launch {
  const { access = 'none', store = '', told = false, main = MAIN, node = process.execPath } = wishes
  const certificates = tls === null ? '' : `, tls: [{ cert: ${tls.certificate}, key: ${tls.key} }]`
  const config = `listen: { host: 127.0.0.1, port: ${port}${certificates} }
admin: { host: 127.0.0.1, port: 0 }
state_dir: ./state
log: { level: warn, access: ${access} }
${told ? 'tracing: { context: make }\n' : ''}${store}routes:
  - name: bench
    match: { path: / }
    server_timing: ${told}
    upstream: http://127.0.0.1:${originPort}
`
  const args = [main, 'start', '--config', join(directory, 'gateway.yaml')]
  return {
    command: { file: node, args, discardOutput: access === 'json' },
    files: new Map([['gateway.yaml', config]]),
  }
}

function memoryStore(): string {
  return `store: memory
store_limits: { size: ${MEMORY_MIB}MiB, memory: ${MEMORY_MIB}MiB }
`
}

/** The memory in front takes bodies up to an eighth of itself: this much is too little for the 1 MiB of `disk`. */
const SMALL_FRONT_MIB = 4

function diskStore({ directory, place }: CacheSetting): string {
  const frontMiB = place === 'disk' ? SMALL_FRONT_MIB : MEMORY_MIB
  return `store: ${JSON.stringify(`disk:${join(directory, 'cache')}`)}
store_limits: { size: ${DISK_MIB}MiB, memory: ${frontMiB}MiB }
`
}

/** A build with its defaults, in everything that it can be measured in. */
function withDefaults(name: string, find: Contender['find'], program: Pick<Wishes, 'main' | 'node'>): Contender {
  return {
    name,
    find,
    proxy: {
      about: 'the gateway with its defaults, `log.access: none`',
      hasTls: true,
      launch: setting => launch(setting, program),
    },
    cache: {
      about: `the same with \`store: memory\`, ${MEMORY_MIB} MiB`,
      places: ['memory'],
      launch: setting => launch(setting, { ...program, store: memoryStore() }),
    },
    coding: {
      about: 'its defaults',
      codings: ['gzip', 'br', 'zstd'],
      launch: setting => launch(setting, program),
      launchCached: setting => launch(setting, { ...program, store: memoryStore() }),
    },
  }
}

export const hearthgate = withDefaults('hearthgate', find, { main: MAIN })

const EARLIER = resolve(process.env['HG_EARLIER'] ?? 'dist-earlier', 'gateway', 'main.js')

/** Another build of the same project, or the same on another Node, for what a change is worth. */
export const hearthgateEarlier = withDefaults(
  'hearthgate-earlier',
  () =>
    existsSync(EARLIER)
      ? { available: true, version: 'earlier' }
      : { available: false, reason: 'HG_EARLIER names no folder with gateway/main.js' },
  { main: EARLIER, node: process.env['HG_EARLIER_NODE'] ?? process.execPath },
)

export const hearthgateDisk: Contender = {
  name: 'hearthgate-disk',
  find,
  proxy: null,
  cache: {
    about: `the same with \`store: disk\`, ${DISK_MIB} MiB, and ${MEMORY_MIB} MiB of memory in front; for \`disk\` a front too small for its body`,
    places: ['memory', 'disk'],
    launch: setting => launch(setting, { store: diskStore(setting) }),
  },
}

export const hearthgateLog: Contender = {
  name: 'hearthgate-log',
  find,
  proxy: {
    about: 'the same with `log.access: json`, to /dev/null',
    launch: setting => launch(setting, { access: 'json' }),
  },
  cache: null,
}

/** All that looks at requests, on; spans are those of an SDK, whose cost is its own. */
export const hearthgateObserved: Contender = {
  name: 'hearthgate-observed',
  find,
  proxy: {
    about:
      'with all observing: metrics, analysis, `log.access: json` to /dev/null, `server_timing`, `tracing.context: make`',
    launch: setting => launch(setting, { access: 'json', told: true }),
  },
  cache: {
    about: 'the same with `store: memory`',
    places: ['memory'],
    launch: setting => launch(setting, { access: 'json', told: true, store: memoryStore() }),
  },
}

const UNOBSERVED = join(PROJECT_FOLDER, 'bench', 'contenders', 'servers', 'unobserved.ts')

export const hearthgateUnobserved: Contender = {
  name: 'hearthgate-unobserved',
  find,
  proxy: {
    about: 'with no observing at all, which no configuration can say: nobody is told of requests and attempts',
    launch: setting => launch(setting, { main: UNOBSERVED }),
  },
  cache: {
    about: 'the same with `store: memory`',
    places: ['memory'],
    launch: setting => launch(setting, { main: UNOBSERVED, store: memoryStore() }),
  },
}
