/** Hashes that other programs made: each is of its password and of no other, and none may cost more than can be borne. */
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { decoyOf, hashPassword, isPassword, type PasswordHash, readHash } from '../../../plugins/access/password.ts'
import { compileUsers } from '../../../plugins/access/users.ts'
import { hashOf } from './support.ts'

/** By crypt(3) of libxcrypt, `openssl passwd -apr1`, and the test of the reference implementation of Argon2. */
const made: [algorithm: PasswordHash['algorithm'], password: string, text: string][] = [
  ['bcrypt', 'U*U', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
  ['bcrypt', 'secret', '$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a'],
  ['bcrypt', 'Grüße', '$2y$05$CCCCCCCCCCCCCCCCCCCCC.HjfAC7Dcxi40Wnk5Kx74Fe5mhPwPc0m'],
  ['argon2id', 'password', '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'],
  ['apr1', 'secret', '$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/'],
  ['apr1', 'a', '$apr1$Qz/1$XlymGWHDC6aj1Zbuudv8q/'],
  ['apr1', 'Grüße', '$apr1$Qz/1$MIGRlihVI4.Vxl1KXlav11'],
  ['apr1', 'correct horse battery staple', '$apr1$Qz/1$FZFQfxqHAcGOVV2m//EQD1'],
  ['apr1', '0123456789abcdef', '$apr1$Qz/1$/fsop.F0rf6J9UsyJKDhF1'],
]

for (const [algorithm, password, text] of made) {
  t.test(`${algorithm}: ${text.slice(0, 24)} is of its password alone`, async t => {
    const hash = hashOf(text)
    t.equal(hash.algorithm, algorithm)
    t.ok(await isPassword(password, hash))
    for (const other of [`${password}x`, password.slice(1), password.toUpperCase().replace(/^U\*U$/, 'u*u'), ''])
      t.notOk(await isPassword(other, hash), other)
    t.notOk(await isPassword(password, decoyOf(hash)))
  })
}

t.test('of a long password bcrypt reads 72 bytes, as elsewhere', async t => {
  const hash = hashOf('$2a$06$abcdefghijklmnopqrstuueHLWckpI7Ut91D6aWthlKy4VKsT9yUG')
  t.ok(await isPassword('x'.repeat(80), hash))
  t.ok(await isPassword('x'.repeat(72), hash))
  t.notOk(await isPassword('x'.repeat(71), hash))
})

t.test('what is made here can be read here', async t => {
  for (const algorithm of ['scrypt', 'argon2id'] as const) {
    const text = await hashPassword('Grüße', algorithm)
    t.ok(text.startsWith(`$${algorithm}$`))
    t.ok(await isPassword('Gru\u0308ße', hashOf(text)), 'the same letters, typed otherwise')
    t.notOk(await isPassword('Grüsse', hashOf(text)))
    t.not(text, await hashPassword('Grüße', algorithm))
  }
})

const B = 'abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a'
const PHC = '$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'
const refused: [text: string, problem: RegExp][] = [
  ['', /begins with/],
  ['secret', /begins with/],
  ['{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', /begins with/],
  ['$6$salt$hash', /begins with/],
  [`$2b$31$${B}`, /cost 31 is out of bounds.*at most 15/],
  [`$2b$16$${B}`, /cost 16/],
  [`$2b$03$${B}`, /cost 3 /],
  [`$2x$05$${B}`, /bcrypt hash whole/],
  [`$2b$05$${B.slice(1)}`, /bcrypt hash whole/],
  [`$2b$05$${B}a`, /bcrypt hash whole/],
  [`$argon2id$v=19$m=4194304,t=1,p=1${PHC}`, /m at most 262144/],
  [`$argon2id$v=19$m=65536,t=1000,p=1${PHC}`, /m times t/],
  [`$argon2id$v=19$m=65536,t=0,p=1${PHC}`, /out of bounds/],
  [`$argon2id$v=19$m=65536,t=1,p=255${PHC}`, /p at most 16/],
  [`$argon2id$v=16$m=65536,t=2,p=1${PHC}`, /expected "\$argon2id\$v=19/],
  [`$argon2i$v=19$m=65536,t=2,p=1${PHC}`, /expected "\$argon2id\$v=19/],
  ['$apr1$toolongsalt$h9FWgUz3n9YxylKLlR5SQ/', /22 letters/],
  ['$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ', /22 letters/],
]

for (const [text, problem] of refused) {
  t.test(`refused with a reason and the remedy: ${text.slice(0, 34)}`, async t => {
    const reading = readHash(text)
    t.notOk(reading.ok)
    if (reading.ok) return
    t.match(reading.problem, problem)
    t.match(reading.problem, /hearthgate password/)
    if (text.length > 20) t.notOk(reading.problem.includes(text.slice(-20)), 'it does not repeat the hash')
  })
}

t.test('the event loop turns while bcrypt is computed', async t => {
  const hash = hashOf(`$2b$11$${B}`)
  let isDone = false
  let turns = 0
  const check = isPassword('secret', hash).then(() => (isDone = true))
  while (!isDone) {
    turns++
    await turn()
  }
  await check
  // On the event loop itself it would be two or three: pieces of 100 ms.
  t.ok(turns > 50, `${turns} turns`)
})

t.test('a name that nobody has is like one that somebody has', async t => {
  const users = compileUsers({ joe: `$2b$05$${B}`, ann: '$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/' })
  const kinds = new Map<string, number>()
  for (let i = 0; i < 200; i++) {
    const { hash, isKnown } = users.find(`nobody${i}`)
    t.notOk(isKnown)
    t.equal(users.find(`nobody${i}`).hash, hash, 'always the same one')
    kinds.set(hash.algorithm, (kinds.get(hash.algorithm) ?? 0) + 1)
    t.notOk(hash.hash.equals(users.find('joe').hash.hash))
  }
  t.ok(Math.min(kinds.get('bcrypt') ?? 0, kinds.get('apr1') ?? 0) > 50, 'of each kind as often as among the users')
  t.ok(users.find('joe').isKnown)
  t.equal(compileUsers({ a: `$2b$05$${B}` }).find('b').hash.algorithm, 'bcrypt')
  t.equal(compileUsers({}).find('b').isKnown, false)
  for (const name of ['__proto__', 'constructor', 'toString']) t.notOk(users.find(name).isKnown, name)
})

t.test('what is guessed quickly says so', async t => {
  t.match(hashOf(`$2b$05$${B}`).weakness, /cost 5/)
  t.match(hashOf('$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/').weakness, /MD5/)
  t.equal(hashOf(`$2b$10$${B}`).weakness, null)
})
