import t from 'tap'
import { hstsValue, mayHaveHsts, secureRules } from '../../../gateway/rules/hsts.ts'
import { decideRedirect, httpsDoors, type RedirectQuestion } from '../../../gateway/rules/https-redirect.ts'

const tls = [{ cert: '/c', key: '/k' }]
const doors = httpsDoors(
  [
    { host: '0.0.0.0', port: 80, tls: null, redirect: 'https' },
    { host: '127.0.0.1', port: 8080, tls: null },
    { host: '192.0.2.1', port: 81, tls: null, redirect: 443 },
    { host: '0.0.0.0', port: 0, tls },
  ],
  [80, 8080, 81, 8443],
)
const asked: RedirectQuestion = {
  proto: 'http',
  address: '192.0.2.7',
  host: 'wiki.home.arpa',
  target: '/notes?a=%2F&b=',
  localAddress: '192.0.2.1',
  localPort: 80,
}

const cases: [title: string, asked: Partial<RedirectQuestion>, outcome: string][] = [
  ['path and query stay byte for byte', {}, 'https://wiki.home.arpa:8443/notes?a=%2F&b='],
  ['the port 443 is not written', { localPort: 81 }, 'https://wiki.home.arpa/notes?a=%2F&b='],
  ['a path that looks like a host', { target: '//evil.test/x' }, 'https://wiki.home.arpa:8443//evil.test/x'],
  ['an absolute target', { target: 'http://wiki.home.arpa:80/a?b' }, 'https://wiki.home.arpa:8443/a?b'],
  ['an absolute target without a path', { target: 'http://wiki.home.arpa?b' }, 'https://wiki.home.arpa:8443/?b'],
  ['an address as host', { host: '[2001:db8::1]' }, 'https://[2001:db8::1]:8443/notes?a=%2F&b='],
  ['a target without a path', { target: '*' }, 'no-path'],
  ['another listener', { localPort: 8080 }, 'no-redirect-here'],
  ['the same port on another address', { localPort: 81, localAddress: '192.0.2.2' }, 'no-redirect-here'],
  ['https in front of us', { proto: 'https' }, 'https-already'],
  ['a health check on this machine', { address: '127.0.0.1', host: 'localhost' }, 'loopback'],
  ['a health check over IPv6', { address: '::1', host: '[::1]' }, 'loopback'],
  ['a public name asked for on this machine', { address: '127.0.0.1' }, 'https://wiki.home.arpa:8443/notes?a=%2F&b='],
  ['a loopback name asked for by another machine', { host: '127.0.0.1', target: '/' }, 'https://127.0.0.1:8443/'],
]

for (const [title, given, outcome] of cases) {
  t.test(title, async t => {
    const decision = decideRedirect(doors, { ...asked, ...given })
    t.equal(decision.redirect ? decision.location : decision.reason, outcome)
  })
}

t.test('the port of the configuration stands in until the listeners are open', async t => {
  const listen = [{ host: '::', port: 80, tls: null, redirect: 'https' } as const, { host: '::', port: 443, tls }]
  t.strictSame(httpsDoors(listen, []), [{ host: '::', port: 80, to: 443 }])
})

t.test('the value of Strict-Transport-Security', async t => {
  t.equal(hstsValue({ maxAgeMs: 86_400_000, includeSubdomains: false, preload: false }), 'max-age=86400')
  t.equal(
    hstsValue({ maxAgeMs: 31_536_000_000, includeSubdomains: true, preload: true }),
    'max-age=31536000; includeSubDomains; preload',
  )
})

t.test('a rule of the route for the same field wins', async t => {
  const hsts = { maxAgeMs: 1000, includeSubdomains: false, preload: false }
  const own = { set: { 'strict-transport-security': 'max-age=0' }, remove: [] }
  t.equal(secureRules(own, hsts), own)
  const removed = { set: {}, remove: ['Strict-Transport-Security'] }
  t.equal(secureRules(removed, hsts), removed)
  t.strictSame(secureRules({ set: { A: '1' }, remove: [] }, hsts).set, {
    A: '1',
    'Strict-Transport-Security': 'max-age=1',
  })
})

t.test('it is for names over TLS', async t => {
  t.equal(mayHaveHsts('https', 'wiki.home.arpa'), true)
  t.equal(mayHaveHsts('http', 'wiki.home.arpa'), false)
  t.equal(mayHaveHsts('https', '192.0.2.1'), false)
  t.equal(mayHaveHsts('https', '[2001:db8::1]'), false)
})
