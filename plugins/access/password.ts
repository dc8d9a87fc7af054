/**
 * Hashes of passwords: scrypt (RFC 7914) in the PHC string format, `$scrypt$ln=15,r=8,p=1$SALT$HASH`. The work is done on
 * the thread pool of Node, never on the event loop.
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

export interface PasswordHash {
  /** Cost, as the power of two. */
  readonly logN: number
  readonly r: number
  readonly p: number
  readonly salt: Buffer
  readonly hash: Buffer
}

/** 32 MiB and about 80 ms on a small machine. */
const COST = { logN: 15, r: 8, p: 1 } as const
const HASH_BYTES = 32
const SALT_BYTES = 16
/** Most memory that one check may take, and so the highest cost that is read. */
const MAX_MEMORY = 256 * 1024 * 1024
const FORM = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{8,88})\$([A-Za-z0-9+/]{22,128})$/

/** Null for anything else than a hash of this form, or one that would take too much memory. */
export function readHash(text: string): PasswordHash | null {
  const [, ln, r, p, salt, hash] = FORM.exec(text) ?? []
  if (salt === undefined || hash === undefined) return null
  const read = { logN: Number(ln), r: Number(r), p: Number(p) }
  const isSane = read.logN >= 10 && read.logN <= 20 && read.r >= 1 && read.p >= 1 && read.p <= 16
  if (!isSane || memoryOf(read) > MAX_MEMORY) return null
  return { ...read, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') }
}

/** The text for the configuration. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const hash = await derive(password, { ...COST, salt, hash: Buffer.alloc(HASH_BYTES) })
  const text = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '')
  return `$scrypt$ln=${COST.logN},r=${COST.r},p=${COST.p}$${text(salt)}$${text(hash)}`
}

export async function isPassword(password: string, expected: PasswordHash): Promise<boolean> {
  const hash = await derive(password, expected)
  return timingSafeEqual(hash, expected.hash)
}

/** A hash that no password has: checking against it takes as long as checking a real one. */
export function noHash(): PasswordHash {
  return { ...COST, salt: randomBytes(SALT_BYTES), hash: randomBytes(HASH_BYTES) }
}

function derive(password: string, { logN, r, p, salt, hash }: PasswordHash): Promise<Buffer> {
  const options = { N: 2 ** logN, r, p, maxmem: MAX_MEMORY + 1024 * 1024 }
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, hash.length, options, (error, key) =>
      error ? reject(error) : resolve(key),
    )
  })
}

function memoryOf({ logN, r, p }: { logN: number; r: number; p: number }): number {
  return 128 * r * (2 ** logN + p)
}
