/** The ways to the apps that are compared: nginx and the gateway, over plain HTTP and over TLS with HTTP/2. */
import { connect } from 'node:net'
import { join } from 'node:path'
import { startGateway } from '../../test/apps/gateway.ts'
import { emptyState } from '../../test/apps/install.ts'
import { type ProcessGroup, project } from '../../test/apps/processes.ts'
import { freePorts } from '../../test/support/free-ports.ts'
import { type Link, openLink } from './link.ts'
import { type NginxPlan, prepareNginx, type Site } from './nginx.ts'

export const MAIN = join(project, 'dist', 'gateway', 'main.js')

/** One way to the apps. */
export interface Door {
  readonly name: string
  readonly scheme: 'http' | 'https'
  readonly link: Link
}

export interface Line {
  readonly mbit: number
  readonly rttMs: number
}

export interface Opened {
  readonly doors: readonly Door[]
  /** The one of both TLS doors, in PEM. */
  readonly certificate: string
}

type NginxStart = Pick<NginxPlan, 'sites' | 'tls'> & { readonly programs: ProcessGroup }

/** Starts all of them with their apps behind, each at the end of a line of its own. */
export async function openDoors(sites: readonly Site[], line: Line, programs: ProcessGroup): Promise<Opened> {
  const state = emptyState('bench-pages')
  const upstreams = sites.map(site => ({ ...site, preset: site.name }))
  const { httpPort, httpsPort, certificate } = await startGateway(MAIN, upstreams, { state, programs })
  const tls = { certFile: join(state, 'cert.pem'), keyFile: join(state, 'key.pem') }
  const plain = await startNginx('nginx', { sites, tls: null, programs })
  const tuned = await startNginx('nginx-tuned', { sites, tls, programs })
  const behind = async (name: string, scheme: Door['scheme'], targetPort: number): Promise<Door> => {
    const options = { bitsPerSecond: line.mbit * 1e6, roundTripMs: line.rttMs, targetPort }
    return { name, scheme, link: await openLink(options) }
  }
  const doors = [
    await behind('nginx', 'http', plain),
    await behind('hearthgate', 'http', Number(httpPort)),
    await behind('nginx-tuned, h2', 'https', tuned),
    await behind('hearthgate, h2', 'https', Number(httpsPort)),
  ]
  return { doors, certificate }
}

async function startNginx(name: string, { programs, ...plan }: NginxStart): Promise<number> {
  const [port = 0] = await freePorts(1)
  const directory = emptyState(name)
  const { file, args } = prepareNginx({ ...plan, directory, port })
  const program = { name, command: file, args, logFile: join(directory, 'nginx.log') }
  await programs.startReady(program, () => isListening(port))
  return port
}

function isListening(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    }).once('error', () => resolve(false))
  })
}
