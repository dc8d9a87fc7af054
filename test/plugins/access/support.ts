import { scryptSync } from 'node:crypto'
import { type PasswordHash, readHash } from '../../../plugins/access/password.ts'
import type { UserHash } from '../../../plugins/access/users.ts'

/** The hash of a text that has to be one. */
export function hashOf(text: string): PasswordHash {
  const reading = readHash(text)
  if (!reading.ok) throw new Error(reading.problem)
  return reading.hash
}

/** Of somebody who exists; cheap to check, for tests that check many. */
export function cheapUser(password: string, salt: string): UserHash {
  const text = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '')
  const hash = scryptSync(password, salt, 32, { N: 1024 })
  return { hash: hashOf(`$scrypt$ln=10,r=8,p=1$${text(Buffer.from(salt))}$${text(hash)}`), isKnown: true }
}
