/** What the texts of the block `acme` may be. */
import { resolve } from 'node:path'
import type { TextReading } from './text-reading.ts'

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
