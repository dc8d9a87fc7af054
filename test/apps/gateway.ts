// The gateway under test as its users run it: a separate process, a configuration in YAML, one plain and one TLS
// listener on ports of the system's choice, a route a host name.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { findCommand, node, type ProcessGroup, type Running, untilReady } from './processes.ts'

/** An app behind the gateway: `NAME.localhost` goes to the loopback port. */
export interface Upstream {
  readonly name: string
  readonly port: number
  readonly preset: string | null
  /** What the route says beside the address and the preset. */
  readonly more?: Readonly<Record<string, unknown>>
}

/** Both listeners as `host:port` of the ready line; `certificate` is the PEM text of the TLS one. */
export interface Gateway {
  readonly running: Running
  readonly httpPort: string
  readonly httpsPort: string
  readonly certificate: string
}

/** Starts `main` with routes to the upstreams; throws when it does not print its ready line. */
export async function startGateway(
  main: string,
  upstreams: readonly Upstream[],
  { state, programs }: { state: string; programs: ProcessGroup },
): Promise<Gateway> {
  const { cert, key } = makeCertificate(state, upstreams)
  const config = join(state, 'gateway.yaml')
  writeFileSync(config, configuration(upstreams, { cert, key }))
  let output = ''
  const args = [main, 'start', '--config', config]
  const running = programs.start({ name: 'the gateway', command: node, args, logFile: join(state, 'gateway.log') })
  running.process.stdout?.on('data', chunk => {
    output += String(chunk)
  })
  await untilReady(running, async () => output.includes('\n'))
  const listen = readyListeners(output)
  return { running, ...listen, certificate: readFileSync(cert, 'utf8') }
}

function readyListeners(output: string): { httpPort: string; httpsPort: string } {
  const { listen } = JSON.parse(output.slice(0, output.indexOf('\n'))) as { listen: string[] }
  const portOf = (protocol: string) => listen.map(url => new URL(url)).find(url => url.protocol === protocol)?.port
  const [httpPort, httpsPort] = [portOf('http:'), portOf('https:')]
  if (!httpPort || !httpsPort) throw new Error(`the ready line names no plain and TLS listener: ${output}`)
  return { httpPort, httpsPort }
}

function configuration(upstreams: readonly Upstream[], tls: { cert: string; key: string }): string {
  const anyPort = { host: '127.0.0.1', port: 0 }
  const routes = upstreams.map(({ name, port, preset, more }) => ({
    name,
    match: { host: `${name}.localhost` },
    upstream: `http://127.0.0.1:${port}`,
    ...(preset === null ? {} : { preset }),
    ...more,
  }))
  return stringify({ listen: [anyPort, { ...anyPort, tls }], admin: anyPort, state_dir: './state', routes })
}

/** A self-signed certificate for the upstreams' host names. Node matches no `*.localhost`, so each is named. */
function makeCertificate(folder: string, upstreams: readonly Upstream[]): { cert: string; key: string } {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const names = ['localhost', ...upstreams.map(({ name }) => `${name}.localhost`)]
  const subject = ['-subj', '/CN=localhost', '-addext', `subjectAltName=${names.map(name => `DNS:${name}`).join(',')}`]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const args = ['req', '-x509', ...kind, '-keyout', key, '-out', cert, ...subject]
  const made = spawnSync(findCommand('openssl') ?? 'openssl', args, { timeout: 20_000 })
  if (made.status !== 0) throw new Error(`openssl could not make a certificate: ${made.stderr}`)
  return { cert, key }
}
