/** What the texts of the block `acme` may be, and which names an authority gives certificates for. */
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import type { TextReading } from './text-reading.ts'
import type { AcmeConfig } from './types.ts'

/** Top-level names outside the public DNS: RFC 6761, 6762, 7686, 8375 and what routers use. */
const PRIVATE_TOPS = new Set(
  'local localhost lan internal home intranet private corp localdomain test example invalid onion arpa'.split(' '),
)

/** Directories that have a name of their own here. */
const DIRECTORIES: Readonly<Record<string, string>> = {
  letsencrypt: 'https://acme-v02.api.letsencrypt.org/directory',
  'letsencrypt-staging': 'https://acme-staging-v02.api.letsencrypt.org/directory',
}

/** Whether an authority gives certificates for names of the public DNS only. */
export function isPublicDirectory(directory: string): boolean {
  return Object.values(DIRECTORIES).includes(directory)
}

export function acmeDirectory(text: string): TextReading {
  const known = Object.hasOwn(DIRECTORIES, text) ? DIRECTORIES[text] : undefined
  if (known !== undefined) return { ok: true, value: known }
  // RFC 8555 §6.1: https and nothing else.
  if (text.startsWith('https://') && URL.canParse(text)) return { ok: true, value: text }
  return { ok: false, problem: 'expected letsencrypt, letsencrypt-staging or an address that begins with https://' }
}

export function email(text: string): TextReading {
  if (/^[^\s@,?<>]+@[^\s@,?<>]+$/.test(text)) return { ok: true, value: text }
  return { ok: false, problem: 'expected an e-mail address, such as me@example.org' }
}

/** A word of a command: one with a slash in front or a dot and a slash is a path from the folder of the file. */
export function hookWord(text: string, folder: string): TextReading {
  if (text === '' || text.includes('\0')) return { ok: false, problem: 'expected a word of a command' }
  return { ok: true, value: text.startsWith('./') || text.startsWith('../') ? resolve(folder, text) : text }
}

/** A public authority knows the public DNS only, and a wildcard is proven in the DNS only (RFC 8555 §8.4). */
export function canBeIssued(host: string, { directory, challenge }: AcmeConfig): boolean {
  if (isIP(unbracket(host)) !== 0) return false
  if (host.startsWith('*.') && challenge !== 'dns-01') return false
  return !isPublicDirectory(directory) || isPublicName(host)
}

function isPublicName(host: string): boolean {
  const labels = host.split('.')
  return labels.length > 1 && !PRIVATE_TOPS.has(labels.at(-1) as string) && labels.at(-1) !== ''
}

export function unbracket(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host
}
