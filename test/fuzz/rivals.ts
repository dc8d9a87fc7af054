/** nginx and HAProxy in front of an origin of their own, with plain settings, for the comparison. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '../support/free-ports.ts'

interface Teardown {
  teardown(fn: () => unknown): void
}

const nginx = (folder: string, port: number, origin: number) => `
daemon off; master_process off; pid ${folder}/pid; error_log /dev/null;
events { worker_connections 256; }
http {
  access_log off; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f;
  uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s; underscores_in_headers off;
  upstream app { server 127.0.0.1:${origin}; keepalive 8; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
      proxy_request_buffering off;
    }
  }
}
`
const haproxy = (_folder: string, port: number, origin: number) => `
global
  maxconn 256
defaults
  mode http
  timeout connect 3s
  timeout client 10s
  timeout server 10s
frontend in
  bind 127.0.0.1:${port}
  default_backend app
backend app
  server o 127.0.0.1:${origin}
`
const kinds = {
  nginx: {
    configuration: nginx,
    args: (file: string, folder: string) => ['-p', folder, '-c', file, '-e', '/dev/null'],
  },
  haproxy: { configuration: haproxy, args: (file: string) => ['-f', file, '-db', '-q'] },
} as const

export type RivalName = keyof typeof kinds
export const rivalNames = Object.keys(kinds) as RivalName[]

export function isInstalled(name: RivalName): boolean {
  return spawnSync(name, ['-v'], { stdio: 'ignore' }).error === undefined
}

/** Starts it on a free port; returns the port. */
export async function startRival(t: Teardown, name: RivalName, originPort: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'hearthgate-rival-'))
  const port = await freePort()
  const file = join(folder, 'rival.conf')
  const { configuration, args } = kinds[name]
  writeFileSync(file, configuration(folder, port, originPort))
  const child = spawn(name, args(file, folder), { stdio: 'ignore' })
  t.teardown(async () => {
    await end(child)
    rmSync(folder, { recursive: true, force: true })
  })
  for (let i = 0; i < 100; i++) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`)
    if (await accepts(port)) return port
    await pause(50)
  }
  throw new Error(`${name} does not listen`)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = net.connect({ port, host: '127.0.0.1' })
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}
