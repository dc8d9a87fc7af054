/**
 * The gateway's own authority (X.509, RFC 5280): made once, kept in `state_dir`, and able to vouch for names of a home
 * only. Its certificates are short-lived, since nothing says that one was taken back.
 */
import { createPrivateKey, KeyObject, X509Certificate } from 'node:crypto'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import * as x509 from '@peculiar/x509'
import { removeLeftovers, UNFINISHED } from './local-ca-leftovers.ts'
import { decodePermitted, encodePermitted, NAME_CONSTRAINTS, type Permitted, permittedFor } from './name-constraints.ts'
import { makePrivateFolder, readIfThere, writePrivateFile } from './state-files.ts'

const DAY = 86_400_000
const CA_LIFETIME_MS = 3650 * DAY
export const LEAF_LIFETIME_MS = 14 * DAY
/** A computer without a clock of its own starts in 1970: a CA of that day would be over before it is used. */
const EARLIEST_MS = Date.UTC(2026, 0, 1)
const CLOCK = 'a CA made now would be over already; set it and start again'
/** Devices whose clock is behind take a new certificate too. */
const BACKDATED_MS = DAY
const CURVE = { name: 'ECDSA', namedCurve: 'P-256' } as const
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const

/** What Web Crypto signs with, by whichever library of types is there. */
type SigningKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>

/** What everybody may know of an authority. */
export interface CaCertificate {
  readonly certificate: X509Certificate
  /** The file it lies in. */
  readonly file: string
  /** Null where the certificate names no limits (one that was put there by hand). */
  readonly permitted: Permitted | null
}

export interface LocalCa extends CaCertificate {
  readonly issuer: x509.X509Certificate
  readonly key: SigningKey
}

/** Thrown when what lies in the folder is no authority: a new one would have to be installed everywhere, so it is not made. */
export class LocalCaError extends Error {
  readonly code = 'HG_TLS'
}

export const CA_CERTIFICATE = 'ca.pem'
export const CA_KEY = 'ca.key'

/**
 * The authority of this folder; made where there is none.
 * @param hosts what certificates are wanted for now, for the limits of a new one
 * @throws LocalCaError, or the error of the file system
 */
export async function openLocalCa(folder: string, hosts: readonly string[], nowMs: number): Promise<LocalCa> {
  const { pem, key } = (await readFolder(folder)) ?? (await makeFolder(folder, hosts, nowMs))
  if (pem === null || key === null) {
    const missing = pem === null ? CA_CERTIFICATE : CA_KEY
    throw new LocalCaError(`${join(folder, missing)} is missing: put it back, or move the folder away for a new one`)
  }
  // Also one that was unpacked from a backup with other modes.
  await makePrivateFolder(folder)
  await removeLeftovers(folder, nowMs)
  return readCa(folder, pem, key)
}

interface CaFolder {
  readonly pem: string | null
  readonly key: string | null
}

/** Null where there is no authority at all. */
async function readFolder(folder: string): Promise<CaFolder | null> {
  const [pem, key] = await Promise.all([readIfThere(join(folder, CA_CERTIFICATE)), readIfThere(join(folder, CA_KEY))])
  return pem === null && key === null ? null : { pem, key }
}

/**
 * Certificate and key come to be in one step: half an authority, left by a gateway that was killed, would be refused at
 * each start from then on. Of two gateways that start at once the one that comes later takes what is there.
 */
async function makeFolder(folder: string, hosts: readonly string[], nowMs: number): Promise<CaFolder> {
  if (nowMs < EARLIEST_MS) throw new LocalCaError(`the clock is wrong (${new Date(nowMs).toISOString()}): ${CLOCK}`)
  const made = await makeCa(hosts, nowMs)
  await makePrivateFolder(dirname(folder))
  const temporary = await mkdtemp(folder + UNFINISHED)
  try {
    await writePrivateFile(join(temporary, CA_KEY), made.key)
    await writePrivateFile(join(temporary, CA_CERTIFICATE), made.pem)
    await rename(temporary, folder)
    return made
  } catch (error) {
    const there = await readFolder(folder)
    if (there === null) throw error
    return there
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

/** Without the key; null where there is none yet. @throws LocalCaError, or the error of the file system */
export async function readCaCertificate(folder: string): Promise<CaCertificate | null> {
  const file = join(folder, CA_CERTIFICATE)
  const pem = await readIfThere(file)
  return pem === null ? null : parseCa(file, pem)
}

function parseCa(file: string, pem: string): CaCertificate & { readonly issuer: x509.X509Certificate } {
  try {
    const issuer = new x509.X509Certificate(pem)
    const limits = issuer.getExtension(NAME_CONSTRAINTS)
    const permitted = limits === null ? null : decodePermitted(new Uint8Array(limits.value))
    return { certificate: new X509Certificate(pem), file, permitted, issuer }
  } catch (cause) {
    throw new LocalCaError(`${file}: ${(cause as Error).message}`, { cause })
  }
}

async function readCa(folder: string, pem: string, keyPem: string): Promise<LocalCa> {
  const parsed = parseCa(join(folder, CA_CERTIFICATE), pem)
  try {
    const privateKey = createPrivateKey(keyPem)
    if (!parsed.certificate.checkPrivateKey(privateKey)) throw new TypeError(`it is not the key of ${CA_CERTIFICATE}`)
    const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' })
    return { ...parsed, key: await crypto.subtle.importKey('pkcs8', pkcs8, CURVE, false, ['sign']) }
  } catch (cause) {
    throw new LocalCaError(`${join(folder, CA_KEY)}: ${(cause as Error).message}`, { cause })
  }
}

async function makeCa(hosts: readonly string[], nowMs: number): Promise<{ pem: string; key: string }> {
  const keys = await crypto.subtle.generateKey(CURVE, true, ['sign', 'verify'])
  const limits = encodePermitted(permittedFor(hosts))
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [
      { O: ['Hearthgate'] },
      { CN: [`Hearthgate on ${hostname().slice(0, 32)} ${new Date(nowMs).getFullYear()}`] },
    ],
    notBefore: new Date(nowMs - BACKDATED_MS),
    notAfter: new Date(nowMs + CA_LIFETIME_MS),
    keys,
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      new x509.Extension(NAME_CONSTRAINTS, true, limits),
    ],
  })
  return { pem: `${certificate.toString('pem')}\n`, key: pemOf(keys.privateKey) }
}

/** A certificate for these names and addresses: PEM text with its key behind it. */
export async function issueLeaf(ca: LocalCa, names: readonly string[], nowMs: number): Promise<string> {
  const keys = await crypto.subtle.generateKey(CURVE, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ CN: [names[0] as string] }],
    issuer: ca.issuer.subject,
    notBefore: new Date(nowMs - BACKDATED_MS),
    // No longer than its authority, or some devices take neither.
    notAfter: new Date(Math.min(nowMs + LEAF_LIFETIME_MS, Date.parse(ca.certificate.validTo))),
    publicKey: keys.publicKey,
    signingKey: ca.key,
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(names.map(generalName)),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(ca.issuer),
    ],
  })
  return `${certificate.toString('pem')}\n${pemOf(keys.privateKey)}`
}

/** Signed by itself and for no name: shown until there is a real one. */
export async function makePlaceholder(nowMs: number): Promise<string> {
  const keys = await crypto.subtle.generateKey(CURVE, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: ['no certificate yet'] }],
    notBefore: new Date(nowMs - BACKDATED_MS),
    notAfter: new Date(nowMs + CA_LIFETIME_MS),
    keys,
    signingAlgorithm: SIGNING,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'hearthgate.invalid' }])],
  })
  return `${certificate.toString('pem')}\n${pemOf(keys.privateKey)}`
}

function generalName(name: string): { type: 'ip' | 'dns'; value: string } {
  return { type: isIP(name) === 0 ? 'dns' : 'ip', value: name }
}

function pemOf(key: SigningKey): string {
  return KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString()
}
