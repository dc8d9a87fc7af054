/**
 * The caches that the cases can be run against: the gateway as a process with each of its stores, and for a check of
 * the runner itself nginx and nothing at all.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '../../support/free-ports.ts'
import { gatewayProcess } from '../../support/gateway-process.ts'

interface Teardown {
  teardown(fn: () => unknown): void
}

export interface Cache {
  readonly port: number
  /** What it has written to stderr. */
  log(): string
}

export const stores = ['memory', 'disk', 'redis'] as const
export type StoreName = (typeof stores)[number]

/**
 * What the route of the cases switches on. The cases ask for answers that are made fresh by their Last-Modified, for
 * POST answers, and for stale ones when the origin hangs up; a home may want none of these, so they are off by default.
 */
export const routeCache = '{ enabled: true, heuristic_freshness: 0.1, store_post: true, stale_if_error: 60s }'

/** Starts the gateway with a store of its own in front of the origin. */
export async function openGatewayCache(
  t: Teardown,
  originPort: number,
  store: StoreName,
  cache = routeCache,
): Promise<Cache> {
  const yaml = `
listen: { host: 127.0.0.1, port: 0 }
admin: { host: 127.0.0.1, port: 0 }
log: { level: warn, access: none }
store: ${await storeAddress(t, store)}
routes:
  - name: cases
    match: { path: / }
    upstream: http://127.0.0.1:${originPort}
    cache: ${cache}
    retry: false
`
  const { port, log } = await gatewayProcess(t, yaml)
  return { port, log }
}

async function storeAddress(t: Teardown, store: StoreName): Promise<string> {
  if (store === 'memory') return 'memory'
  if (store === 'disk') return `disk:${temporaryFolder(t)}`
  // Loaded only here: everything else runs where there is no Redis.
  const { startRedis } = await import('../../plugins/cache/stores/support.ts')
  return (await startRedis(t)).url
}

/** False, or the line that installs it. */
export function withoutNginx(): string | false {
  return spawnSync('nginx', ['-v']).status === 0
    ? false
    : 'nginx is not in PATH; install it: apt-get install nginx-light'
}

/** Starts nginx with `proxy_cache` in front of the origin, as the published results of these cases have it. */
export async function openNginx(t: Teardown, originPort: number): Promise<Cache> {
  const folder = temporaryFolder(t)
  const port = await freePort()
  writeFileSync(join(folder, 'nginx.conf'), nginxConfiguration(folder, port, originPort))
  const child = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let log = ''
  child.stderr.on('data', chunk => {
    log = (log + chunk).slice(-100_000)
  })
  t.teardown(() => end(child))
  await accepts(child, port, () => log)
  return { port, log: () => log }
}

function nginxConfiguration(folder: string, port: number, originPort: number): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    name => `${name}_temp_path ${join(folder, name)};`,
  )
  return `
daemon off; master_process off; pid ${join(folder, 'pid')};
events { worker_connections 512; }
http {
  access_log off; ${paths.join(' ')}
  proxy_cache_path ${join(folder, 'cache')} keys_zone=cases:1m;
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://127.0.0.1:${originPort}; proxy_cache cases; proxy_cache_revalidate on; }
  }
}
`
}

function temporaryFolder(t: Teardown): string {
  const folder = mkdtempSync(join(tmpdir(), 'hearthgate-cases-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Waits until the process listens; throws when it ends before. */
async function accepts(child: ChildProcess, port: number, log: () => string): Promise<void> {
  const limit = performance.now() + 10_000
  while (performance.now() < limit) {
    if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}: ${log()}`)
    const socket = net.connect(port, '127.0.0.1')
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (isOpen) return
    await pause(20)
  }
  throw new Error(`did not listen in 10 s: ${log()}`)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
