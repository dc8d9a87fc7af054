import fc from 'fast-check'
import t from 'tap'
import { clientFacts, compileTrust } from '../../../plugins/proxy/client-facts.ts'
import { plainAddress } from '../../../plugins/proxy/forwarded.ts'

type Fields = Record<string, string>

const over = (peer: string, isTls = false) => ({ peer, isTls, localPort: 8080 })
const reader = (fields: Fields) => (name: string) => fields[name]

t.test('an address that came in an IPv6 coat is the IPv4 address', async t => {
  const cases: [string | undefined, string][] = [
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['10.0.0.1', '10.0.0.1'],
    ['::1', '::1'],
    ['::ffff:a00:1', '::ffff:a00:1'],
    [undefined, 'unknown'],
  ]
  for (const [given, wanted] of cases) t.equal(plainAddress(given), wanted)
})

t.test('trust is by address and CIDR', async t => {
  const cases: [string[], string, boolean][] = [
    [[], '127.0.0.1', false],
    [['10.0.0.0/8'], '10.255.0.1', true],
    [['10.0.0.0/8'], '11.0.0.1', false],
    [['192.168.1.7'], '192.168.1.7', true],
    [['192.168.1.7'], '192.168.1.70', false],
    [['fd00::/8', '::1'], 'fd12::9', true],
    [['fd00::/8', '::1'], '::1', true],
    [['fd00::/8', '::1'], 'fe80::1', false],
    [['0.0.0.0/0'], '8.8.8.8', true],
    [['0.0.0.0/0'], 'unknown', false],
    [['0.0.0.0/0'], '', false],
  ]
  for (const [cidrs, address, wanted] of cases) t.equal(compileTrust(cidrs)(address), wanted, `${cidrs} ${address}`)
})

t.test('an entry that is no address and no CIDR is refused, never read as a wider one', async t => {
  const cases = ['', 'localhost', '10.0.0', '10.0.0.0/33', '10.0.0.0/-1', 'fd00::/129', '10.0.0.0/x']
  for (const cidr of cases) t.throws(() => compileTrust([cidr]), cidr)
  for (const cidr of ['10.0.0.0/', '10.0.0.0/8/9', '10.0.0.0/ ', '10.0.0.0/0x8', '10.0.0.0/8.5']) {
    t.throws(() => compileTrust([cidr]), cidr)
  }
})

const claims: Fields = {
  'x-forwarded-for': '6.6.6.6',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'evil.example',
  'x-forwarded-port': '1',
  'x-real-ip': '6.6.6.6',
  forwarded: 'for=6.6.6.6;proto=https;host=evil.example',
}

t.test('a stranger is who the connection says, whatever it claims', async t => {
  const isTrusted = compileTrust(['10.0.0.1'])
  t.strictSame(clientFacts(over('203.0.113.9'), 'wiki:8443', reader(claims), isTrusted), {
    peer: '203.0.113.9',
    address: '203.0.113.9',
    proto: 'http',
    host: 'wiki:8443',
    port: 8443,
    isPeerTrusted: false,
  })
  t.match(clientFacts(over('203.0.113.9', true), 'wiki', reader(claims), isTrusted), { proto: 'https', port: 8080 })
  const claim = fc.dictionary(fc.constantFrom(...Object.keys(claims)), fc.string())
  fc.assert(
    fc.property(claim, fields => {
      const facts = clientFacts(over('203.0.113.9'), 'wiki', reader(fields), isTrusted)
      return facts.address === '203.0.113.9' && facts.proto === 'http' && facts.host === 'wiki' && facts.port === 8080
    }),
  )
})

const outside = { address: '203.0.113.9', proto: 'https' } as const

t.test('a trusted proxy is believed, field by field', async t => {
  const isTrusted = compileTrust(['10.0.0.0/8', 'fd00::/8'])
  const cases: [string, Fields, object][] = [
    ['nothing said', {}, { address: '10.0.0.1', proto: 'http', host: 'wiki', port: 80 }],
    ['the nearest stranger', { 'x-forwarded-for': '6.6.6.6, 203.0.113.9' }, { address: '203.0.113.9' }],
    ['past trusted ones', { 'x-forwarded-for': '6.6.6.6, 203.0.113.9, 10.2.2.2' }, { address: '203.0.113.9' }],
    ['all trusted: the first', { 'x-forwarded-for': '10.3.3.3, 10.2.2.2' }, { address: '10.3.3.3' }],
    ['not beyond what cannot be read', { 'x-forwarded-for': '6.6.6.6, unknown, 10.2.2.2' }, { address: '10.2.2.2' }],
    ['with a port', { 'x-forwarded-for': '203.0.113.9:4711' }, { address: '203.0.113.9' }],
    ['IPv6', { 'x-forwarded-for': '2001:db8::9' }, { address: '2001:db8::9' }],
    ['IPv6 with a port', { 'x-forwarded-for': '[2001:db8::9]:4711' }, { address: '2001:db8::9' }],
    ['in an IPv6 coat', { 'x-forwarded-for': '::ffff:203.0.113.9' }, { address: '203.0.113.9' }],
    ['https', { 'x-forwarded-proto': 'https' }, { proto: 'https', port: 443 }],
    ['the last of a list', { 'x-forwarded-proto': 'http, HTTPS' }, { proto: 'https' }],
    ['another scheme', { 'x-forwarded-proto': 'gopher' }, { proto: 'http' }],
    ['a host', { 'x-forwarded-host': 'a.example, b.example:8443' }, { host: 'b.example:8443', port: 8443 }],
    ['a port', { 'x-forwarded-port': '444', 'x-forwarded-host': 'b.example:8443' }, { port: 444 }],
    ['a bad port', { 'x-forwarded-port': 'x', 'x-forwarded-proto': 'https' }, { port: 443 }],
    ['a port that is none', { 'x-forwarded-port': '70000', 'x-forwarded-proto': 'https' }, { port: 443 }],
    [
      'Forwarded',
      { forwarded: 'for=203.0.113.9;proto=https;host=a.example' },
      { ...outside, host: 'a.example', port: 443 },
    ],
    [
      'as the hop of the client has it',
      { forwarded: 'for=6.6.6.6;host=evil, for=203.0.113.9;proto=https;host="a.example:444", for=10.2.2.2;proto=http' },
      { ...outside, host: 'a.example:444', port: 444 },
    ],
    [
      'with a port and in quotes',
      { forwarded: 'For="[2001:db8::9]:4711"; Proto=HTTPS' },
      { address: '2001:db8::9', port: 443 },
    ],
    [
      'a host that looks like another hop',
      { forwarded: 'for=203.0.113.9;host="x, for=6.6.6.6"' },
      { address: '203.0.113.9', host: 'x, for=6.6.6.6' },
    ],
    [
      'a hidden client',
      { forwarded: 'for=_joe;proto=https, for=10.2.2.2;proto=https' },
      { address: '10.2.2.2', proto: 'https' },
    ],
    ['Forwarded without a word', { forwarded: ';;, ,"' }, { address: '10.0.0.1', proto: 'http', host: 'wiki' }],
    [
      'X-Forwarded-* alone, where both are there',
      { ...claims, forwarded: 'for=8.8.8.8;proto=http;host=other', 'x-forwarded-host': 'a.example' },
      { address: '6.6.6.6', proto: 'https', host: 'a.example' },
    ],
    [
      'no host of a Forwarded that a client may have made up',
      { 'x-forwarded-for': '203.0.113.9', forwarded: 'for=8.8.8.8;proto=https;host=evil' },
      { address: '203.0.113.9', proto: 'http', host: 'wiki' },
    ],
    [
      'empty ones',
      { 'x-forwarded-for': '', 'x-forwarded-host': ' ', 'x-forwarded-proto': '' },
      { address: '10.0.0.1' },
    ],
  ]
  for (const [name, fields, wanted] of cases) {
    const facts = clientFacts(over('10.0.0.1'), 'wiki', reader(fields), isTrusted)
    t.match(facts, { peer: '10.0.0.1', isPeerTrusted: true, ...wanted }, name)
  }
})

t.test('text that only begins like an address is none', async t => {
  const isTrusted = compileTrust(['10.0.0.0/8'])
  for (const text of ['203.0.113.9x', '203.0.113.256', '[2001:db8::9', '2001:db8::9]', '[203.0.113.9]x']) {
    const facts = clientFacts(over('10.0.0.1'), 'wiki', reader({ 'x-forwarded-for': text }), isTrusted)
    t.equal(facts.address, '10.0.0.1', text)
  }
})

t.test('what a client writes on the left never reaches past the first address a trusted proxy saw', async () => {
  const isTrusted = compileTrust(['10.0.0.0/8'])
  const written = fc.array(fc.oneof(fc.ipV4(), fc.constant('unknown'), fc.string()), { maxLength: 4 })
  const trusted = fc.array(
    fc.integer({ min: 2, max: 254 }).map(n => `10.0.0.${n}`),
    { maxLength: 3 },
  )
  fc.assert(
    fc.property(written, trusted, (claimed, hops) => {
      const forwardedFor = [...claimed, '203.0.113.9', ...hops].join(', ')
      return (
        clientFacts(over('10.0.0.1'), 'wiki', reader({ 'x-forwarded-for': forwardedFor }), isTrusted).address ===
        '203.0.113.9'
      )
    }),
  )
})

t.test('the port is read from the host, also of an address', async t => {
  const cases: [string, number][] = [
    ['wiki', 8080],
    ['wiki:81', 81],
    ['[::1]', 8080],
    ['[::1]:82', 82],
    ['wiki:', 8080],
    ['wiki:x', 8080],
    ['wiki:0', 8080],
    ['wiki:65536', 8080],
  ]
  for (const [host, port] of cases)
    t.equal(
      clientFacts(
        over('203.0.113.9'),
        host,
        () => undefined,
        () => false,
      ).port,
      port,
      host,
    )
})
