import t from 'tap'
import { Attempts } from '../../../plugins/access/attempts.ts'
import { CredentialBook, readBasic } from '../../../plugins/access/credentials.ts'
import { compileNetworks, senderOf } from '../../../plugins/access/networks.ts'
import { hashPassword, isPassword, readHash } from '../../../plugins/access/password.ts'
import { cheapUser, hashOf } from './support.ts'

t.test('addresses are found in networks, however they are written', async t => {
  const list = compileNetworks(['10.0.0.0/8', '192.168.1.2', 'fd00::/8'])
  for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '::FFFF:192.168.1.2', 'fd12::1', 'FD12:0:0::1'])
    t.ok(list.has(address), address)
  for (const address of ['11.0.0.1', '192.168.1.3', 'fe80::1', '', 'unknown', '10.1.2.3.4', '010.1.2.3'])
    t.notOk(list.has(address), address)
  for (const broken of ['10.0.0.0/33', 'home', '10.0.0.0/8/8', 'fd00::/129', ''])
    t.throws(() => compileNetworks([broken]), TypeError, broken)
})

t.test('a household has one /64 of IPv6, and one address of IPv4', async t => {
  t.equal(senderOf('2001:db8:1:2:3::4'), senderOf('2001:DB8:1:2::9'))
  t.not(senderOf('2001:db8:1:2::'), senderOf('2001:db8:1:3::'))
  t.equal(senderOf('::ffff:10.0.0.1'), '10.0.0.1')
  t.not(senderOf('10.0.0.1'), senderOf('10.0.0.2'))
})

t.test('attempts are bounded in a window, and forgiven', async t => {
  const attempts = new Attempts()
  const limit = { attempts: 2, windowMs: 1000 }
  t.equal(attempts.take('a', limit, 0), 0)
  t.equal(attempts.take('a', limit, 10), 0)
  t.equal(attempts.take('a', limit, 20), 980)
  t.equal(attempts.take('b', limit, 20), 0)
  attempts.forgive('a')
  t.equal(attempts.take('a', limit, 30), 0)
  t.equal(attempts.take('a', limit, 1000), 0, 'a new window')
})

t.test('attempts where windows are short do not end the long window of another route', async t => {
  const attempts = new Attempts()
  const long = { attempts: 2, windowMs: 60_000 }
  for (const nowMs of [0, 1]) attempts.take('a', long, nowMs)
  t.equal(attempts.take('a', { attempts: 2, windowMs: 1000 }, 2000), 0)
  t.equal(attempts.take('a', long, 2001), 57_999)
  t.equal(attempts.take('a', { attempts: 5, windowMs: 60_000 }, 2002), 0, 'the same count against a higher limit')
})

t.test('a guess at one door counts at doors with any window', async t => {
  const [short, long] = [
    { attempts: 3, windowMs: 1000 },
    { attempts: 3, windowMs: 60_000 },
  ]
  const attempts = new Attempts()
  t.equal(attempts.take('x', long, 0), 0, 'somebody has asked at each door before')
  t.equal(attempts.take('a', short, 0), 0)
  t.equal(attempts.take('a', short, 1), 0)
  t.equal(attempts.take('a', long, 2), 0)
  t.equal(attempts.take('a', long, 3), 59_997, 'two were made at the other door')
  t.equal(attempts.take('a', short, 1000), 0, 'a new short window')
  t.equal(attempts.take('a', long, 1001), 58_999, 'and not a new long one')
  const first = new Attempts()
  for (const nowMs of [0, 1, 2]) first.take('a', short, nowMs)
  t.equal(first.take('a', long, 3), 59_997, 'also where nobody had asked there before')
  first.forgive('a')
  t.equal(first.take('a', long, 4), 0)
})

t.test('lengths of windows are bounded', async t => {
  const attempts = new Attempts()
  for (let windowMs = 1000; windowMs < 1100; windowMs++) {
    attempts.take('a', { attempts: 1000, windowMs }, 0)
    t.ok(attempts.take('a', { attempts: 1, windowMs }, 0) > 0, 'whatever was forgotten, this one counts')
  }
})

t.test('many senders are remembered, not all', async t => {
  const attempts = new Attempts()
  for (let i = 0; i < 10_500; i++) attempts.take(`s${i}`, { attempts: 1, windowMs: 1000 }, i)
  t.equal(attempts.size, 10_000)
})

t.test('a hash is of its password and of no other', async t => {
  const text = await hashPassword('Grüße')
  const hash = hashOf(text)
  t.match(text, /^\$scrypt\$ln=15,r=8,p=1\$/)
  t.ok(await isPassword('Grüße', hash))
  t.ok(await isPassword('Gru\u0308ße', hash), 'the same letters, typed otherwise')
  t.notOk(await isPassword('Grüsse', hash))
  t.not(text, await hashPassword('Grüße'))
})

t.test('what is no hash, or would take too much memory, is not read', async t => {
  const good = '$scrypt$ln=14,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g'
  t.ok(readHash(good).ok)
  const broken = ['', 'secret', '$2y$10$abc', good.replace('ln=14', 'ln=30'), good.replace('r=8', 'r=999'), `${good}$`]
  for (const text of [...broken, good.replace('ln=14', 'ln=1')]) t.notOk(readHash(text).ok, text)
})

const field = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

t.test('Basic credentials are read as RFC 7617 has them', async t => {
  t.strictSame(readBasic(field('joe:a:b')), { user: 'joe', password: 'a:b' })
  t.strictSame(readBasic(field('joe:').replace('Basic', 'bAsIc')), { user: 'joe', password: '' })
  for (const odd of [
    undefined,
    '',
    'Basic',
    'Bearer x',
    field('joe'),
    `${field('joe:x')}!`,
    `Basic ${'a'.repeat(2000)}`,
  ])
    t.equal(readBasic(odd), null, String(odd))
})

t.test('a pair that was right is remembered for a while, for the hash that it had', async t => {
  const book = new CredentialBook()
  const [hash, other] = [cheapUser('x', 'salt-one'), cheapUser('x', 'salt-two')]
  const joe = { user: 'joe', password: 'x' }
  t.equal(await book.verify(joe, hash, 0), 'right')
  t.ok(book.remembers(joe, hash, 1000))
  t.notOk(book.remembers(joe, hash, 10 * 60_000), 'not for ever')
  t.notOk(book.remembers(joe, other, 1000), 'not with another hash')
  t.notOk(book.remembers({ user: 'jo', password: 'ex' }, hash, 1000))
  const gone = { ...hash, isKnown: false }
  t.notOk(book.remembers(joe, gone, 1000), 'not when the user is gone')
  t.equal(await book.verify(joe, gone, 0), 'wrong')
})

t.test('who asks at once shares one check, and few checks wait', async t => {
  const book = new CredentialBook()
  const hash = cheapUser('x', 'salt-one')
  const same = Array.from({ length: 100 }, () => book.verify({ user: 'joe', password: 'x' }, hash, 0))
  t.strictSame(new Set(await Promise.all(same)), new Set(['right']))
  const others = Array.from({ length: 60 }, (_, i) => book.verify({ user: 'joe', password: `${i}` }, hash, 0))
  const verdicts = await Promise.all(others)
  t.ok(verdicts.includes('busy'))
  t.ok(verdicts.includes('wrong'))
  t.notOk(verdicts.includes('right'))
})
