/**
 * Looks at the files that a configuration names: they have to be readable, and a certificate has to fit its key.
 */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { type Draft, itemPath, objectTo } from './draft.ts'
import { quote } from './problem.ts'

/** Adds a slip for every named file that cannot be used. */
export function checkFiles(draft: Draft): void {
  const contents = new Map<string, Buffer>()
  for (const { path, file, value } of draft.written.values()) {
    if (file === null || typeof value !== 'string') continue
    const content = readOrExplain(value)
    if (typeof content !== 'string') contents.set(path, content)
    else objectTo(draft, path, `cannot read ${quote(file)}${file === value ? '' : ` (${value})`}: ${content}`)
  }
  for (const [path, content] of contents) {
    if (path.endsWith('.tls.ca') && !isCertificate(content)) objectTo(draft, path, 'holds no certificate in PEM form')
  }
  checkPairs(draft, contents)
}

function checkPairs(draft: Draft, contents: ReadonlyMap<string, Buffer>): void {
  for (const [i, listener] of draft.globals.listen.entries()) {
    for (const j of listener.tls?.keys() ?? []) {
      const path = itemPath(draft, `${itemPath(draft, 'listen', i)}.tls`, j)
      const cert = contents.get(`${path}.cert`)
      const key = contents.get(`${path}.key`)
      const misfit = cert === undefined || key === undefined ? null : explainMisfit(cert, key)
      if (misfit !== null) objectTo(draft, `${path}.cert`, `certificate and key cannot be used together: ${misfit}`)
    }
  }
}

function explainMisfit(cert: Buffer, key: Buffer): string | null {
  try {
    createSecureContext({ cert, key })
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function isCertificate(pem: Buffer): boolean {
  try {
    return new X509Certificate(pem).subject !== ''
  } catch {
    return false
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
  ENOTDIR: 'no such file',
}

/** The content, or why it cannot be read. */
export function readOrExplain(path: string): Buffer | string {
  try {
    return readFileSync(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    return REASONS[code] ?? (code || String(error))
  }
}
