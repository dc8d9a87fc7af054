/** scrypt (RFC 7914) in the PHC string format, `$scrypt$ln=15,r=8,p=1$SALT$HASH`. */
import { randomBytes, scrypt, scryptSync } from 'node:crypto'
import type { HashReading } from './password.ts'

interface Cost {
  /** As the power of two. */
  readonly logN: number
  readonly r: number
  readonly p: number
}

/** 32 MiB and about 80 ms on a small machine. */
const COST: Cost = { logN: 15, r: 8, p: 1 }
const HASH_BYTES = 32
const SALT_BYTES = 16
/** Most memory that one check may take, and so the highest cost that is read. */
const MAX_MEMORY = 256 * 1024 * 1024
const MAX_P = 16
const FORM = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{8,88})\$([A-Za-z0-9+/]{22,128})$/

export function readScrypt(text: string): HashReading {
  const [, ln, r, p, salt, hash] = FORM.exec(text) ?? []
  if (salt === undefined || hash === undefined)
    return { ok: false, problem: 'expected "$scrypt$ln=15,r=8,p=1$SALT$HASH" with SALT and HASH in base64' }
  const cost = { logN: Number(ln), r: Number(r), p: Number(p) }
  const isSane = cost.logN >= 10 && cost.logN <= 20 && cost.r >= 1 && cost.p >= 1
  if (!isSane || cost.p > MAX_P || memoryOf(cost) > MAX_MEMORY)
    return { ok: false, problem: `its cost is out of bounds: ln from 10 to 20, p at most ${MAX_P}, 256 MiB in all` }
  const bytes = (part: string) => Buffer.from(part, 'base64')
  const expected = bytes(hash)
  const derived = (password: string, of: Buffer) => derive(password, of, { ...cost, length: expected.length })
  return {
    ok: true,
    hash: { algorithm: 'scrypt', weakness: null, salt: bytes(salt), hash: expected, derive: derived },
  }
}

export async function makeScrypt(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  return textOf(salt, await derive(password, salt, { ...COST, length: HASH_BYTES }))
}

/** Holds the event loop for as long as it takes. */
export function makeScryptSync(password: string): string {
  const salt = randomBytes(SALT_BYTES)
  const { logN, r, p } = COST
  return textOf(salt, scryptSync(password, salt, HASH_BYTES, { N: 2 ** logN, r, p, maxmem: MAX_MEMORY }))
}

function textOf(salt: Buffer, hash: Buffer): string {
  const text = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '')
  return `$scrypt$ln=${COST.logN},r=${COST.r},p=${COST.p}$${text(salt)}$${text(hash)}`
}

function derive(password: string, salt: Buffer, { logN, r, p, length }: Cost & { length: number }): Promise<Buffer> {
  const options = { N: 2 ** logN, r, p, maxmem: MAX_MEMORY + 1024 * 1024 }
  return new Promise((resolve, reject) => {
    scrypt(password, salt, length, options, (error, key) => (error ? reject(error) : resolve(key)))
  })
}

function memoryOf({ logN, r, p }: Cost): number {
  return 128 * r * (2 ** logN + p)
}
