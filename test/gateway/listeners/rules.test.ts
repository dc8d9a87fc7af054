import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import t from 'tap'
import { addressKey, isLoopback } from '../../../gateway/listeners/address-key.ts'
import { chooseCertificate, namesOf } from '../../../gateway/listeners/certificate-names.ts'
import { decideClientError } from '../../../gateway/listeners/client-error.ts'
import { ConnectionBook } from '../../../gateway/listeners/connection-book.ts'
import { decideHead, dropUnderscores } from '../../../gateway/listeners/head-rules.ts'
import { isValidHost } from '../../../gateway/listeners/host-syntax.ts'
import { RateWindow } from '../../../gateway/listeners/rate-window.ts'
import { limits, pem } from './support.ts'

const bounds = { headerLines: 3, headerSize: 1_000 }

t.test('addresses are counted by host or /64', async t => {
  const cases: [string | undefined, string][] = [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:192.0.2.7', '192.0.2.7'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:0:1:2:3:4', '2001:db8:0:0::/64'],
    ['2001:0db8:0000:0001::', '2001:db8:0:1::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['1::2:3:4:5:6:7', '1:0:2:3::/64'],
    [undefined, ''],
  ]
  for (const [address, key] of cases) t.equal(addressKey(address), key, String(address))
  for (const address of ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1', undefined]) t.ok(isLoopback(address))
  for (const address of ['128.0.0.1', '::2', '2001:db8::1', '::ffff:10.0.0.1']) t.notOk(isLoopback(address))
})

t.test('host names', async t => {
  for (const host of [
    'a',
    'a.test',
    'A.Test.',
    'my_nas:80',
    'a:',
    '10.0.0.1:65535',
    '[::1]',
    '[2001:db8::1]:80',
    'x~y-z',
  ]) {
    t.ok(isValidHost(host), host)
  }
  const bad = [
    '',
    ' a',
    'a b',
    'a/b',
    'a@b',
    'a:b',
    'a:65536',
    'a:1:2',
    ':80',
    '[]',
    '[:]x',
    '[::1',
    '[::g]',
    '::1',
    'a%41',
    'a,b',
    'ä',
  ]
  for (const host of [...bad, 'a'.repeat(264)]) t.notOk(isValidHost(host), host.slice(0, 10))
})

t.test('heads over HTTP/2', async t => {
  const decide = (fields: string[], method = 'GET', target = '/') =>
    decideHead({ http2: true, version: '2.0', method, target, fields: [':authority', 'a.test', ...fields] }, bounds)
  t.same(decide(['x-a', '1']), { admit: true, underscores: false })
  t.same(decide(['x_a', '1']), { admit: true, underscores: true })
  t.same(decide(['host', 'A.test']), { admit: true, underscores: false })
  t.same(decide(['te', 'trailers']), { admit: true, underscores: false })
  const bad: [string, string][] = [
    ['host', 'evil.test'],
    ['connection', 'close'],
    ['keep-alive', '1'],
    ['proxy-connection', 'close'],
    ['transfer-encoding', 'chunked'],
    ['upgrade', 'x'],
    ['te', 'gzip'],
    ['x-a', 'b\r\nx: y'],
    ['x-a', 'b\0'],
    ['x a', 'b'],
    ['x:a', 'b'],
    ['X-A', 'b'],
    ['', 'b'],
  ]
  for (const field of bad) t.match(decide(field), { admit: false, status: 400 }, field.join())
  t.match(decide(['host', 'a.test', 'host', 'a.test']), { status: 400 })
  t.match(decide(['a', '1', 'b', '2', 'c', '3', 'd', '4']), { status: 431 })
  const rest = bounds.headerSize - ':authoritya.testcookie'.length
  t.match(decide(['cookie', 'x'.repeat(rest)]), { admit: true })
  t.match(decide(['cookie', 'x'.repeat(rest + 1)]), { status: 431 }, 'also where no setting was acknowledged')
  t.match(decide([], 'GET', '/a b'), { status: 400 })
  t.match(decide([], 'GET', 'http://a.test/'), { status: 400 })
  t.match(decideHead({ http2: true, version: '2.0', method: 'GET', target: '/', fields: [] }, bounds), { status: 400 })
})

t.test('a method that nobody knows, over HTTP/2', async t => {
  const decide = (method: string) =>
    decideHead({ http2: true, version: '2.0', method, target: '/', fields: [':authority', 'a.test'] }, bounds)
  for (const method of ['GET', 'PROPFIND', 'QUERY']) t.ok(decide(method).admit, method)
  for (const method of ['get', 'FOO', 'PRI']) t.match(decide(method), { admit: false, status: 501 }, method)
})

t.test('absolute targets over HTTP/1.1', async t => {
  const decide = (target: string) =>
    decideHead(
      { http2: false, version: '1.1', method: 'GET', target, fields: ['Host', 'a'] },
      { ...bounds, headerLines: 9 },
    )
  for (const target of ['http://b', 'HTTP://b:1?x', 'https://b.test/x', '/']) t.ok(decide(target).admit, target)
  for (const target of ['http://', 'http:///x', 'http://a@b/', 'http://b:x/', 'ftp://b/', 'b/x', '', '//'.slice(2)]) {
    t.notOk(decide(target).admit, target)
  }
})

t.test('lines with an underscore leave both views', async t => {
  const raw = ['A_B', '1', 'C', '2', 'd_e', '3']
  const headers = { a_b: '1', c: '2', d_e: '3' }
  dropUnderscores(raw, headers)
  t.same([raw, headers], [['C', '2'], { c: '2' }])
})

t.test('faults and their answers', async t => {
  const cases: [string | undefined, Buffer | null, number | null][] = [
    ['HPE_INVALID_METHOD', null, 400],
    ['HPE_HEADER_OVERFLOW', null, 431],
    ['HPE_HEADER_OVERFLOW', Buffer.from('GET /aaa'), 414],
    ['HPE_HEADER_OVERFLOW', Buffer.from('GET / HTTP/1.1\r\nX: a'), 431],
    ['HPE_CHUNK_EXTENSIONS_OVERFLOW', null, 413],
    ['ERR_HTTP_REQUEST_TIMEOUT', null, 408],
    ['HPE_INVALID_EOF_STATE', null, null],
    ['ECONNRESET', null, null],
    [undefined, null, null],
  ]
  for (const [code, opening, status] of cases)
    t.equal(decideClientError({ code, opening }).status, status, String(code))
})

t.test('the book counts by address, spares trusted proxies and forgets what has closed', async t => {
  const socket = (remoteAddress: string) => ({ remoteAddress, bytesRead: 0, destroy() {} }) as unknown as Socket
  const via = { draining: false, secure: false }
  const isTrustedProxy = (address: string) => address === '192.0.2.99'
  const book = new ConnectionBook({ limits: { ...limits, connectionsPerAddress: 2 }, isTrustedProxy, now: () => 0 })
  const first = book.admit(socket('192.0.2.1'), via)
  book.admit(socket('::ffff:192.0.2.1'), via)
  t.same(book.admit(socket('192.0.2.1'), via), { admit: false, reason: 'connections-per-address' })
  t.ok(book.admit(socket('192.0.2.2'), via).admit)
  book.admit(socket('2001:db8::1'), via)
  book.admit(socket('2001:db8::2'), via)
  t.notOk(book.admit(socket('2001:db8::3'), via).admit, 'one /64 is one client')
  t.ok(book.admit(socket('2001:db8:0:1::1'), via).admit)
  for (let i = 0; i < 5; i++) t.ok(book.admit(socket('192.0.2.99'), via).admit)
  if (first.admit) {
    book.remove(first.connection)
    book.remove(first.connection)
  }
  t.ok(book.admit(socket('192.0.2.1'), via).admit)
  t.notOk(book.admit(socket('192.0.2.1'), via).admit, 'a double remove frees one place only')
})

t.test('a window counts anew when its time is over', async t => {
  const window = new RateWindow(2, 100)
  t.same(
    [0, 1, 2].map(at => window.exceeds(at)),
    [false, false, true],
  )
  t.equal(window.exceeds(100), false)
})

t.test('certificates are chosen by their own names', async t => {
  const certificate = (name: string) => ({ name, names: namesOf(new X509Certificate(readFileSync(pem(name).cert))) })
  const all = [certificate('localhost'), certificate('wildcard'), certificate('photos')]
  t.same(all[1]!.names, ['*.home.arpa', 'home.arpa'])
  const cases = [
    ['photos.home.arpa', 'photos'],
    ['PHOTOS.home.arpa.', 'photos'],
    ['wiki.home.arpa', 'wildcard'],
    ['home.arpa', 'wildcard'],
    ['a.wiki.home.arpa', 'localhost'],
    ['elsewhere', 'localhost'],
  ]
  for (const [name, chosen] of cases) t.equal(chooseCertificate(all, name!)?.name, chosen, name)
  t.equal(chooseCertificate([], 'a'), null)
})
