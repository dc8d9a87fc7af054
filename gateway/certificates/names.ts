/**
 * Which names a listener needs certificates for, who gives them, and in which file each one lies. Pure.
 */
import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { canBeIssued, unbracket } from '../config/tls-rules.ts'
import type { CertificateConfig, GatewayConfig, IssuedConfig, RouteConfig } from '../config/types.ts'

/** Where the gateway keeps what it issues, below `state_dir`. */
export interface CertificateFolders {
  readonly root: string
  readonly ca: string
  readonly local: string
  /** Account and certificates of one directory: another directory must not be taken for it. */
  readonly acme: string
  readonly httpChallenges: string
  readonly alpnChallenges: string
  /** Stands in where there is no certificate yet. */
  readonly placeholder: string
}

/** A certificate that somebody has to get. */
export interface Wanted {
  /** DNS names and addresses, addresses without brackets. */
  readonly names: readonly string[]
  /** Certificate, chain and key in one PEM file, so that they can only change together. */
  readonly file: string
}

export interface WantedCertificates {
  readonly local: readonly Wanted[]
  readonly acme: readonly Wanted[]
}

/** Names that nobody asks for by SNI: they go into the certificate for everything else (RFC 6066 §3). */
const THIS_MACHINE = ['localhost', '127.0.0.1', '::1']

export function foldersOf({ stateDir, acme }: Pick<GatewayConfig, 'stateDir' | 'acme'>): CertificateFolders {
  const root = join(stateDir, 'certificates')
  const account = acme === null ? 'none' : createHash('sha256').update(acme.directory).digest('hex').slice(0, 12)
  return {
    root,
    ca: join(root, 'local-ca'),
    local: join(root, 'local'),
    acme: join(root, 'acme', account),
    httpChallenges: join(root, 'challenges', 'http'),
    alpnChallenges: join(root, 'challenges', 'alpn'),
    placeholder: join(root, 'placeholder.pem'),
  }
}

/** Everything that all listeners together need, each file once. */
export function wantedCertificates(config: GatewayConfig): WantedCertificates {
  const entries = config.listen.flatMap(({ tls }) => tls ?? []).filter(isIssued)
  const folders = foldersOf(config)
  const local = entries.filter(({ localCa }) => localCa).flatMap(entry => localWanted(entry, config.routes, folders))
  const acme = entries.filter(entry => entry.acme).flatMap(entry => acmeWanted(entry, config, folders))
  return { local: onceEach(local), acme: onceEach(acme) }
}

/** The files of one listener in the order in which they are looked through, the default first. */
export function filesOf(tls: readonly (CertificateConfig | IssuedConfig)[], config: GatewayConfig): string[] {
  const folders = foldersOf(config)
  const issued = tls.filter(isIssued)
  const acme = issued.filter(entry => entry.acme).flatMap(entry => acmeWanted(entry, config, folders))
  const local = issued.filter(({ localCa }) => localCa).flatMap(entry => localWanted(entry, config.routes, folders))
  // The gateway's own authority stands in for the public one until that has answered.
  return issued.length === 0 ? [] : [...acme, ...local].map(({ file }) => file).concat(folders.placeholder)
}

export function isIssued(entry: CertificateConfig | IssuedConfig): entry is IssuedConfig {
  return !('cert' in entry)
}

function localWanted(entry: IssuedConfig, routes: readonly RouteConfig[], folders: CertificateFolders): Wanted[] {
  const hosts = (entry.hosts ?? hostsOf(routes)).map(unbracket)
  const addresses = hosts.filter(host => isIP(host) !== 0 && !THIS_MACHINE.includes(host))
  const names = hosts.filter(host => isIP(host) === 0 && host !== 'localhost')
  return [
    { names: [...THIS_MACHINE, ...addresses], file: join(folders.local, 'default.pem') },
    ...names.map(name => ({ names: [name], file: join(folders.local, fileNameOf(name)) })),
  ]
}

function acmeWanted(entry: IssuedConfig, { acme, routes }: GatewayConfig, folders: CertificateFolders): Wanted[] {
  if (acme === null) return []
  const hosts = entry.hosts ?? hostsOf(routes).filter(host => canBeIssued(host, acme))
  const covered = hosts.filter(host => !isCovered(host, hosts))
  return covered.map(name => ({ names: [name], file: join(folders.acme, fileNameOf(name)) }))
}

/** The hosts of all routes that serve something, each once; `*` names none. */
export function hostsOf(routes: readonly RouteConfig[]): string[] {
  const served = routes.filter(({ deny, fault }) => !deny && fault === null)
  return [...new Set(served.flatMap(({ match }) => match.hosts))].filter(host => host !== '*')
}

/** Whether a wildcard of the same list stands for the name already. */
function isCovered(host: string, hosts: readonly string[]): boolean {
  return !host.startsWith('*.') && hosts.includes(`*${host.slice(host.indexOf('.'))}`)
}

/** `*.home.arpa` is `_.home.arpa.pem`; what a name can hold is safe in a file name otherwise. */
export function fileNameOf(name: string): string {
  return `${name.replace(/^\*/, '_').replaceAll(/[^a-z0-9._-]/g, '-')}.pem`
}

function onceEach(wanted: readonly Wanted[]): Wanted[] {
  const byFile = new Map<string, Wanted>()
  for (const { file, names } of wanted) {
    const before = byFile.get(file)?.names ?? []
    byFile.set(file, { file, names: [...new Set([...before, ...names])] })
  }
  return [...byFile.values()]
}
