/** A real authority that speaks ACME: Debian's pebble, with a DNS of its own in which every name is this machine. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { join } from 'node:path'
import type { Test } from 'tap'
import { selfSigned } from '../../support/certificates.ts'
import { freePorts } from '../../support/free-ports.ts'
import { eventually } from '../support.ts'

/** False = the reason to skip by. */
export const skipWithoutPebble: string | false = isInstalled() ? false : 'needs pebble: apt-get install -y pebble'

function isInstalled(): boolean {
  try {
    execFileSync('which', ['pebble', 'pebble-challtestsrv'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

export interface Pebble {
  readonly directory: string
  /** File with the authority of the directory's own certificate. */
  readonly ca: string
  /** PEM text of the authority of what it issues. */
  root(): Promise<string>
  /** Address at which the records of its DNS are set. */
  readonly dns: string
  stop(): void
}

export interface PebbleOptions {
  readonly folder: string
  /** Where it looks for answers. */
  readonly httpPort?: number
  readonly tlsPort?: number
  /** Seconds that a certificate lives. */
  readonly validity?: number
  /** Accounts only for whoever has the key of this customer. */
  readonly customer?: { readonly id: string; readonly key: string }
}

export async function startPebble(t: Test, options: PebbleOptions): Promise<Pebble> {
  const { folder, httpPort = 1, tlsPort = 1, validity, customer } = options
  const [port = 0, management = 0, dns = 0, dnsManagement = 0] = await freePorts(4)
  const own = selfSigned('localhost')
  const [ca, key] = [join(folder, 'pebble.pem'), join(folder, 'pebble.key')]
  writeFileSync(ca, own.cert)
  writeFileSync(key, own.key)
  const pebble = {
    ...{ listenAddress: `127.0.0.1:${port}`, managementListenAddress: `127.0.0.1:${management}` },
    ...{ certificate: ca, privateKey: key, httpPort, tlsPort },
    ...(validity === undefined ? {} : { certificateValidityPeriod: validity }),
    ...(customer === undefined
      ? {}
      : { externalAccountBindingRequired: true, externalAccountMACKeys: { [customer.id]: customer.key } }),
  }
  writeFileSync(join(folder, 'pebble.json'), JSON.stringify({ pebble }))
  const off = ['-http01', '', '-https01', '', '-tlsalpn01', '', '-defaultIPv6', '']
  const names = spawn('pebble-challtestsrv', [
    ...off,
    '-dns01',
    `127.0.0.1:${dns}`,
    '-management',
    `127.0.0.1:${dnsManagement}`,
  ])
  const env = { ...process.env, PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0', PEBBLE_AUTHZREUSE: '0' }
  const args = ['-config', join(folder, 'pebble.json'), '-dnsserver', `127.0.0.1:${dns}`, '-strict']
  const authority = spawn('pebble', args, { env })
  const said = [names, authority].map(listen)
  const stop = () => void [names, authority].map(child => child.kill())
  t.teardown(stop)
  const ask = (path: string, at: number) => fetchText(`https://localhost:${at}${path}`, own.cert)
  try {
    await eventually(async () => (await ask('/dir', port).catch(() => '')) !== '')
  } catch {
    throw new Error(
      `pebble did not start: ${said
        .map(text => text())
        .join('\n')
        .slice(-2000)}`,
    )
  }
  return {
    directory: `https://localhost:${port}/dir`,
    ca,
    root: () => ask('/roots/0', management),
    dns: `http://127.0.0.1:${dnsManagement}`,
    stop,
  }
}

/** What it says; a pipe that nobody reads would stop it. */
function listen(child: ChildProcess): () => string {
  let text = ''
  const note = (chunk: Buffer) => {
    text = (text + chunk).slice(-4000)
  }
  child.stdout?.on('data', note)
  child.stderr?.on('data', note)
  child.on('error', error => note(Buffer.from(error.message)))
  return () => text
}

function fetchText(url: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { ca }, async answer => {
      let text = ''
      for await (const chunk of answer) text += chunk
      resolve(text)
    }).on('error', reject)
  })
}
