/** Argon2id (RFC 9106) in the PHC string format, `$argon2id$v=19$m=65536,t=3,p=1$SALT$HASH`, as Caddy writes it too. */
import crypto from 'node:crypto'
import type { HashReading } from './password.ts'

interface Cost {
  /** KiB. */
  readonly memory: number
  readonly passes: number
  readonly parallelism: number
}

/** The first choice of OWASP's password page in 2026: 19 MiB and about 60 ms on a small machine. */
const COST: Cost = { memory: 19_456, passes: 2, parallelism: 1 }
const HASH_BYTES = 32
const SALT_BYTES = 16
/** Most memory of one check, in KiB. */
const MAX_MEMORY = 256 * 1024
/** Most memory times passes, in KiB: about 3 s of a core on a small machine. */
const MAX_WORK = 1024 * 1024
const MAX_PARALLELISM = 16
const FORM =
  /^\$argon2id\$v=19\$m=(\d{1,8}),t=(\d{1,5}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,88})={0,2}\$([A-Za-z0-9+/]{22,128})={0,2}$/

export function readArgon2(text: string): HashReading {
  const [, m, t, p, salt, hash] = FORM.exec(text) ?? []
  if (salt === undefined || hash === undefined)
    return { ok: false, problem: 'expected "$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH" with SALT and HASH in base64' }
  if (crypto.argon2 === undefined)
    return { ok: false, problem: `Node ${process.versions.node} cannot check argon2id, Node 24.7 and newer can` }
  const cost = { memory: Number(m), passes: Number(t), parallelism: Number(p) }
  const isSane = cost.passes >= 1 && cost.parallelism >= 1 && cost.memory >= 8 * cost.parallelism
  const isBearable = cost.memory <= MAX_MEMORY && cost.memory * cost.passes <= MAX_WORK
  if (!isSane || !isBearable || cost.parallelism > MAX_PARALLELISM)
    return {
      ok: false,
      problem: `its cost is out of bounds: m at most ${MAX_MEMORY}, m times t at most ${MAX_WORK}, p at most ${MAX_PARALLELISM}`,
    }
  const expected = Buffer.from(hash, 'base64')
  return {
    ok: true,
    hash: {
      algorithm: 'argon2id',
      weakness: null,
      salt: Buffer.from(salt, 'base64'),
      hash: expected,
      derive: (password, of) => derive(password, of, { ...cost, length: expected.length }),
    },
  }
}

/** @throws Error on a Node that has no argon2 */
export async function makeArgon2(password: string): Promise<string> {
  if (crypto.argon2 === undefined) throw new Error(`Node ${process.versions.node} has no argon2id: 24.7 and newer have`)
  const salt = crypto.randomBytes(SALT_BYTES)
  const hash = await derive(password, salt, { ...COST, length: HASH_BYTES })
  const text = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '')
  const { memory, passes, parallelism } = COST
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${text(salt)}$${text(hash)}`
}

/** On a thread of Node's pool. */
function derive(password: string, nonce: Buffer, { length, ...cost }: Cost & { length: number }): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    crypto.argon2('argon2id', { ...cost, message: password, nonce, tagLength: length }, (error, key) =>
      error ? reject(error) : resolve(key as Buffer),
    )
  })
}
