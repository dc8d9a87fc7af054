/** The servers behind the contenders: nginx for static files where it is installed, else Node; Node for the echo. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Command, findProgram, pinned } from './command.ts'
import { nginxCommand, nginxConfig } from './contenders/nginx.ts'
import { fetchBody, freePort, waitUntilServing } from './http.ts'
import type { Children } from './processes.ts'
import { cacheControlOf, ENTITY_TAG, STATIC_FILES, type Workload } from './workloads.ts'

/** Where an origin tells how many requests it has had; those to this path itself are not counted. */
export const COUNT_PATH = '/__requests'

/** Longest wait for an origin that still gets requests of a load that has ended. */
const SETTLING_MS = 5000
/** A count that stands still for this long has settled. */
const SETTLED_MS = 200

export interface Origin {
  readonly port: number
  readonly program: string
  /** Requests so far, without those of this function. */
  countRequests(): Promise<number>
}

export interface OriginPlace {
  readonly children: Children
  /** An empty folder for its files. */
  readonly directory: string
  readonly core: number | null
}

/** Starts the origin that a workload needs and waits until it serves. */
export async function startOrigin(workload: Workload, place: OriginPlace): Promise<Origin> {
  const port = await freePort()
  const nginx = workload.origin === 'static' ? findProgram('nginx') : null
  const site = { port, directory: place.directory, cacheControl: cacheControlOf(workload) }
  const command = nginx === null ? serveCommand(site, workload.origin) : nginxOrigin(nginx, site)
  const child = await place.children.start('origin', pinned(command, place.core))
  await waitUntilServing(child, `http://127.0.0.1:${port}${COUNT_PATH}`)
  const countRequests = nginx === null ? () => countFromServe(port) : nginxCounter(port)
  return { port, program: nginx === null ? 'node' : 'nginx', countRequests }
}

/** The count once the requests that the end of a load left under way have arrived. */
export async function countSettled(origin: Origin): Promise<number> {
  const deadline = Date.now() + SETTLING_MS
  let count = await origin.countRequests()
  for (let last = Number.NaN; count !== last && Date.now() < deadline; count = await origin.countRequests()) {
    last = count
    await delay(SETTLED_MS)
  }
  return count
}

interface Site {
  readonly port: number
  readonly directory: string
  readonly cacheControl: string
}

function serveCommand({ port, cacheControl }: Site, kind: string): Command {
  const script = join(import.meta.dirname, 'origins', 'serve.ts')
  return { file: process.execPath, args: [script, String(port), kind, cacheControl] }
}

async function countFromServe(port: number): Promise<number> {
  return Number((await fetchBody({ url: `http://127.0.0.1:${port}${COUNT_PATH}` })).body)
}

/** nginx counts the status requests too, so they are taken off again. */
function nginxCounter(port: number): () => Promise<number> {
  let ownRequests = 0
  return async () => {
    ownRequests++
    const text = (await fetchBody({ url: `http://127.0.0.1:${port}${COUNT_PATH}` })).body.toString()
    return parseStubStatus(text) - ownRequests
  }
}

/** The number of requests on nginx's stub_status page: the third figure under "accepts handled requests". */
export function parseStubStatus(text: string): number {
  return Number(/^ *\d+ +\d+ +(\d+) *$/m.exec(text)?.[1] ?? Number.NaN)
}

function nginxOrigin(program: string, { port, directory, cacheControl }: Site): Command {
  const files = join(directory, 'files')
  mkdirSync(files, { recursive: true })
  for (const [name, { body }] of STATIC_FILES) writeFileSync(join(files, name), body)
  const types = new Set(
    [...STATIC_FILES].map(([name, { type }]) => `${type} ${name.slice(name.lastIndexOf('.') + 1)};`),
  )
  const server = `
    types { ${[...types].join(' ')} }
    sendfile on;
    tcp_nopush on;
    open_file_cache max=16;
    server {
      listen 127.0.0.1:${port} backlog=1024;
      root ${files};
      etag off;
      add_header ETag '${ENTITY_TAG}';
      add_header Cache-Control ${cacheControl};
      location = ${COUNT_PATH} { stub_status; }
    }`
  const config = join(directory, 'nginx.conf')
  writeFileSync(config, nginxConfig(directory, server))
  return nginxCommand(program, config, directory)
}
