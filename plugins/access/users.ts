/**
 * The users of one route. A name that nobody has is checked against a hash that is like one of theirs, always the same one
 * for the same name, so that neither the time of an answer nor its spread tells who exists.
 */
import { createHmac, type Hmac } from 'node:crypto'
import { decoyOf, type PasswordHash, readHash } from './password.ts'

export interface UserHash {
  readonly hash: PasswordHash
  /** False = the hash is a decoy, and no password is right. */
  readonly isKnown: boolean
}

export interface Users {
  find(name: string): UserHash
}

/** What stands in where there is no user at all. */
const NOBODY = `$scrypt$ln=15,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`

/** @throws TypeError for a hash that cannot be read */
export function compileUsers(texts: Readonly<Record<string, string>>): Users {
  const known = new Map(Object.entries(texts).map(([name, text]) => [name, { hash: read(name, text), isKnown: true }]))
  const decoys = [...known.values()].map(({ hash }) => ({ hash: decoyOf(hash), isKnown: false }))
  if (decoys.length === 0) decoys.push({ hash: decoyOf(read('nobody', NOBODY)), isKnown: false })
  // Nobody outside knows the hashes, and all workers and later runs come to the same choice by them.
  const secret = Object.values(texts).join('\n')
  const choose = (name: string) => decoys[pick(createHmac('sha256', secret).update(name), decoys.length)] as UserHash
  return {
    find: name => {
      // Chosen for those who exist as well, so that it takes the same time.
      const decoy = choose(name)
      return known.get(name) ?? decoy
    },
  }
}

function pick(keyed: Hmac, count: number): number {
  return keyed.digest().readUInt32BE() % count
}

function read(name: string, text: string): PasswordHash {
  const reading = readHash(text)
  if (!reading.ok) throw new TypeError(`the password of ${name}: ${reading.problem}`)
  return reading.hash
}
