/**
 * Files that hold keys: in folders that nobody else may enter, readable by the owner alone from their first byte on, and
 * replaced in one step, so that a reader never sees half of one.
 */
import { createHash, createPrivateKey, randomBytes, X509Certificate } from 'node:crypto'
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Validity } from './renewal.ts'

/** Makes the folder and takes it from everybody else, also one that was there. @throws the error of the file system */
export async function makePrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await chmod(folder, 0o700)
}

/** @throws the error of the file system; then the old file is as it was */
export async function writePrivateFile(file: string, text: string): Promise<void> {
  await makePrivateFolder(dirname(file))
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString('hex')}.new`
  try {
    // On the disk before it has the name: after a power cut an empty file would stand where a key was.
    await writeFile(temporary, text, { mode: 0o600, flag: 'wx', flush: true })
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** The text, or null where there is no such file. @throws for any other error */
export async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

export interface StoredCertificate extends Validity {
  readonly certificate: X509Certificate
}

/** A certificate as it lies in its file, with its key; null where none does that can be used. Never rejects. */
export async function readStored(file: string): Promise<StoredCertificate | null> {
  try {
    const pem = await readFile(file)
    const certificate = new X509Certificate(pem)
    if (!certificate.checkPrivateKey(createPrivateKey(pem))) return null
    return { ...validityOf(certificate), certificate }
  } catch {
    return null
  }
}

export function validityOf(certificate: X509Certificate): Validity {
  const names = (certificate.subjectAltName ?? '').split(', ').map(entry => {
    const [kind, value = ''] = [entry.slice(0, entry.indexOf(':')), entry.slice(entry.indexOf(':') + 1)]
    return kind === 'IP Address' ? compressed(value) : value.toLowerCase()
  })
  return { notBeforeMs: Date.parse(certificate.validFrom), notAfterMs: Date.parse(certificate.validTo), names }
}

/** OpenSSL prints IPv6 addresses with all of their groups. */
function compressed(address: string): string {
  return address.includes(':') ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address
}

/** 0 to 1, always the same for one text: what is spread by it does not move from look to look. */
export function fixedChance(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 32
}
