/**
 * Apache's salted MD5, `$apr1$SALT$HASH`: what `htpasswd` writes unless told otherwise, and so what most files of SWAG and
 * labels of Traefik hold. It is read so that a move keeps its users; it is too quick to be worth making anew.
 */
import { createHash } from 'node:crypto'
import type { HashReading } from './password.ts'

const FORM = /^\$apr1\$([./A-Za-z0-9]{1,8})\$([./A-Za-z0-9]{22})$/
const LETTERS = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const ROUNDS = 1000
/** Which bytes of the digest make four letters each; the last byte stands alone. */
const ORDER = [
  [0, 6, 12],
  [1, 7, 13],
  [2, 8, 14],
  [3, 9, 15],
  [4, 10, 5],
] as const

export function readApr1(text: string): HashReading {
  const [, salt, hash] = FORM.exec(text) ?? []
  if (salt === undefined || hash === undefined)
    return { ok: false, problem: 'expected "$apr1$SALT$HASH" with 22 letters of HASH' }
  return {
    ok: true,
    hash: {
      algorithm: 'apr1',
      weakness: 'an MD5 hash ("$apr1$")',
      salt: Buffer.from(salt, 'latin1'),
      hash: Buffer.from(hash, 'latin1'),
      derive: async (password, of) => Buffer.from(apr1(Buffer.from(password), of), 'latin1'),
    },
  }
}

const md5 = (...parts: readonly (Buffer | string)[]): Buffer => {
  const hash = createHash('md5')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** About 2 ms, so it needs no thread. */
function apr1(password: Buffer, salt: Buffer): string {
  const mixed = md5(password, salt, password)
  const parts: (Buffer | string)[] = [password, '$apr1$', salt]
  for (let left = password.length; left > 0; left -= 16) parts.push(mixed.subarray(0, Math.min(16, left)))
  for (let bits = password.length; bits > 0; bits >>= 1) parts.push(bits & 1 ? '\0' : password.subarray(0, 1))
  let digest = md5(...parts)
  for (let round = 0; round < ROUNDS; round++) {
    const isOdd = round % 2 === 1
    digest = md5(
      isOdd ? password : digest,
      round % 3 === 0 ? '' : salt,
      round % 7 === 0 ? '' : password,
      isOdd ? digest : password,
    )
  }
  return lettersOf(digest)
}

function lettersOf(digest: Buffer): string {
  const byte = (at: number) => digest[at] ?? 0
  const groups = ORDER.map(([a, b, c]) => letters((byte(a) << 16) | (byte(b) << 8) | byte(c), 4))
  return groups.join('') + letters(byte(11), 2)
}

function letters(value: number, count: number): string {
  return Array.from({ length: count }, (_, i) => LETTERS[(value >> (6 * i)) & 63]).join('')
}
