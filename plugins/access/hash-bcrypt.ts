/**
 * bcrypt, as Caddy, `htpasswd -B` and most others write it: `$2b$12$`, 22 letters of salt, 31 of hash. `$2a$` and `$2y$` are
 * names of the same function. Of a password it reads the first 72 bytes.
 */
import { bcryptOnThread } from './bcrypt-thread.ts'
import type { HashReading } from './password.ts'

/** Twice the time a step: 0.1 s of a core at 10, 1.3 s at 14 (Caddy's default), 2.6 s at 15. */
const MAX_COST = 15
/** Below it, a graphics card tries many thousands a second. */
const FAIR_COST = 10
const FORM = /^\$2[aby]\$(\d\d)\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/
const LETTERS = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

export function readBcrypt(text: string): HashReading {
  const [, digits, salt, hash] = FORM.exec(text) ?? []
  if (salt === undefined || hash === undefined)
    return { ok: false, problem: 'expected a bcrypt hash whole: "$2a$", "$2b$" or "$2y$" and 60 letters in all' }
  const cost = Number(digits)
  if (cost < 4 || cost > MAX_COST)
    return { ok: false, problem: `its cost ${cost} is out of bounds: from 4, and at most ${MAX_COST}` }
  return {
    ok: true,
    hash: {
      algorithm: 'bcrypt',
      weakness: cost < FAIR_COST ? `a bcrypt hash of cost ${cost}, below ${FAIR_COST},` : null,
      salt: bytesOf(salt),
      // The letters themselves: they are what the function gives.
      hash: Buffer.from(hash, 'latin1'),
      derive: (password, of) => bcryptOnThread({ password, cost, salt: of }),
    },
  }
}

/** bcrypt's base64 has its letters in another order. */
function bytesOf(salt: string): Buffer {
  return Buffer.from([...salt].map(letter => BASE64[LETTERS.indexOf(letter)]).join(''), 'base64')
}
