/**
 * Hashes of passwords, as they stand in configurations: of what kind one is, whether its cost can be borne, and whether a
 * password is its own. The work is done on the threads of Node's pool or one of our own, never on the event loop.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { readApr1 } from './hash-apr1.ts'
import { makeArgon2, readArgon2 } from './hash-argon2.ts'
import { readBcrypt } from './hash-bcrypt.ts'
import { makeScrypt, makeScryptSync, readScrypt } from './hash-scrypt.ts'

export interface PasswordHash {
  readonly algorithm: 'scrypt' | 'argon2id' | 'bcrypt' | 'apr1'
  /** Why another one should take its place; null = nothing speaks against it. */
  readonly weakness: string | null
  readonly salt: Buffer
  readonly hash: Buffer
  /** What a password comes to with a salt, at the cost of this hash. As long as `hash`. */
  derive(password: string, salt: Buffer): Promise<Buffer>
}

export type HashReading =
  | { readonly ok: true; readonly hash: PasswordHash }
  /** `problem` never repeats the text. */
  | { readonly ok: false; readonly problem: string }

type Reader = (text: string) => HashReading

const readers: readonly [start: RegExp, read: Reader][] = [
  [/^\$scrypt\$/, readScrypt],
  [/^\$argon2/, readArgon2],
  [/^\$2/, readBcrypt],
  [/^\$apr1\$/, readApr1],
]

const KINDS = '"$scrypt$", "$argon2id$", "$2a$", "$2b$", "$2y$" or "$apr1$"'

/** Of any kind that can be checked here, at a cost that can be borne. */
export function readHash(text: string): HashReading {
  const read = readers.find(([start]) => start.test(text))?.[1]
  if (read === undefined)
    return { ok: false, problem: `expected a hash that begins with ${KINDS}: \`hearthgate password\` makes one` }
  const reading = read(text)
  return reading.ok ? reading : { ok: false, problem: `${reading.problem}; \`hearthgate password\` makes another one` }
}

/** What a new hash may be made with. scrypt is known to every Node that the gateway runs on. */
export const algorithms = ['scrypt', 'argon2id'] as const
export type Algorithm = (typeof algorithms)[number]

/** The text for the configuration. @throws Error for argon2id on a Node that has none */
export function hashPassword(password: string, algorithm: Algorithm = 'scrypt'): Promise<string> {
  return algorithm === 'scrypt' ? makeScrypt(plain(password)) : makeArgon2(plain(password))
}

/** As scrypt, for a command that has nothing else to do meanwhile. */
export function hashPasswordSync(password: string): string {
  return makeScryptSync(plain(password))
}

export async function isPassword(password: string, expected: PasswordHash): Promise<boolean> {
  const hash = await expected.derive(plain(password), expected.salt)
  return hash.length === expected.hash.length && timingSafeEqual(hash, expected.hash)
}

/** A hash that no password has: checking against it takes as long as checking against the one that it is like. */
export function decoyOf(like: PasswordHash): PasswordHash {
  return { ...like, salt: randomBytes(like.salt.length), hash: randomBytes(like.hash.length) }
}

/** The same letters are the same password, however a keyboard puts them together. */
function plain(password: string): string {
  return password.normalize('NFC')
}
