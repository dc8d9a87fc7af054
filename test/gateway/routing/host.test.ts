import t from 'tap'
import { matchesHost, parseHost, parseHostPattern } from '../../../gateway/routing/host.ts'

const label63 = 'a'.repeat(63)

t.test('a Host is split and normalised to one spelling', async t => {
  const cases: [authority: string, name: string, port: number | null][] = [
    ['app.test', 'app.test', null],
    ['APP.Test', 'app.test', null],
    ['app.test.', 'app.test', null],
    ['App.Test.:8080', 'app.test', 8080],
    ['app.test:', 'app.test', null],
    ['app.test:0', 'app.test', 0],
    ['app.test:65535', 'app.test', 65_535],
    ['app.test:00080', 'app.test', 80],
    ['nas', 'nas', null],
    ['my_app-1', 'my_app-1', null],
    ['192.168.1.5:80', '192.168.1.5', 80],
    ['[::1]', '[::1]', null],
    ['[0:0:0:0:0:0:0:1]:8443', '[::1]', 8443],
    ['[FE80::A]', '[fe80::a]', null],
    ['[::ffff:10.0.0.1]', '[::ffff:a00:1]', null],
    [`${label63}.test`, `${label63}.test`, null],
  ]
  for (const [authority, name, port] of cases) t.strictSame(parseHost(authority), { ok: true, name, port }, authority)
})

t.test('a Host that could mean something else to somebody is refused', async t => {
  const cases: [authority: string | undefined, reason: string][] = [
    [undefined, 'host-missing'],
    ['', 'host-missing'],
    ['app.test evil', 'host-invalid'],
    ['app.test/evil', 'host-invalid'],
    ['app.test\\evil', 'host-invalid'],
    ['app.test,evil.test', 'host-invalid'],
    ['user@app.test', 'host-invalid'],
    ['app%2etest', 'host-invalid'],
    ['app.test#x', 'host-invalid'],
    ['app.test?x', 'host-invalid'],
    ['b\u00fccher.test', 'host-invalid'],
    ['app.\u0000test', 'host-invalid'],
    ['*.test', 'host-invalid'],
    ['.', 'host-invalid'],
    ['.app.test', 'host-invalid'],
    ['app..test', 'host-invalid'],
    ['app.test..', 'host-invalid'],
    [':80', 'host-invalid'],
    [`${label63}a.test`, 'host-invalid'],
    [`${`${label63}.`.repeat(4)}test`, 'host-invalid'],
    ['::1', 'host-invalid'],
    ['[::1', 'host-invalid'],
    ['[]', 'host-invalid'],
    ['[1.2.3.4]', 'host-invalid'],
    ['[fe80::1%25eth0]', 'host-invalid'],
    ['[v1.a]', 'host-invalid'],
    ['[::1]x', 'port-invalid'],
    ['[::1]80', 'port-invalid'],
    ['app.test:x80', 'port-invalid'],
    ['app.test:80x', 'port-invalid'],
    ['app.test:-1', 'port-invalid'],
    ['app.test:65536', 'port-invalid'],
    ['app.test:000080', 'port-invalid'],
    ['app.test:80:80', 'port-invalid'],
    ['app.test: 80', 'port-invalid'],
  ]
  for (const [authority, reason] of cases)
    t.strictSame(parseHost(authority), { ok: false, reason }, authority ?? 'none')
})

t.test('the host of a route is a name, a wildcard or any', async t => {
  const cases: [text: string, pattern: ReturnType<typeof parseHostPattern>][] = [
    ['*', { kind: 'any', name: '' }],
    ['Wiki.Home.Arpa.', { kind: 'exact', name: 'wiki.home.arpa' }],
    ['*.Home.Arpa', { kind: 'wildcard', name: 'home.arpa' }],
    ['b\u00fccher.test', { kind: 'exact', name: 'xn--bcher-kva.test' }],
    ['::', { kind: 'exact', name: '[::]' }],
    ['[::1]', { kind: 'exact', name: '[::1]' }],
    ['', null],
    ['*.', null],
    ['**.test', null],
    ['a.*.test', null],
    ['*test', null],
    ['*.::1', null],
    ['app.test:80', null],
    ['http://app.test', null],
    ['app.test/x', null],
  ]
  for (const [text, pattern] of cases) t.strictSame(parseHostPattern(text), pattern, text)
})

t.test('a wildcard takes one or more labels and never the name itself', async t => {
  const cases: [pattern: string, name: string, matches: boolean][] = [
    ['*.home.arpa', 'wiki.home.arpa', true],
    ['*.home.arpa', 'a.b.home.arpa', true],
    ['*.home.arpa', 'home.arpa', false],
    ['*.home.arpa', 'xhome.arpa', false],
    ['*.home.arpa', 'home.arpa.test', false],
    ['home.arpa', 'home.arpa', true],
    ['home.arpa', 'a.home.arpa', false],
    ['*', '[::1]', true],
  ]
  for (const [text, name, matches] of cases) {
    const pattern = parseHostPattern(text)
    t.equal(pattern !== null && matchesHost(pattern, name), matches, `${text} ${name}`)
  }
})
