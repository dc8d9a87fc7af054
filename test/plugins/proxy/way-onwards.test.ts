import t from 'tap'
import type { ClientFacts } from '../../../plugins/proxy/client-facts.ts'
import { wayOnwards } from '../../../plugins/proxy/way-onwards.ts'

const said = { proto: 'https', host: 'wiki.home.arpa', port: 443, isPeerTrusted: true } as const
const client: ClientFacts = { peer: '10.0.0.1', address: '198.51.100.7', ...said }
const HERE = 'host=wiki.home.arpa;proto=https'
const peer = `for=10.0.0.1;${HERE}`

t.test('X-Forwarded-For and Forwarded name the same client, whichever a trusted proxy speaks', async t => {
  const cases: [name: string, said: [string | null, string | null], wanted: [string, string]][] = [
    ['neither', [null, null], ['10.0.0.1', peer]],
    [
      'X-Forwarded-For',
      ['198.51.100.7, 10.9.9.9', null],
      ['198.51.100.7, 10.9.9.9, 10.0.0.1', `for=198.51.100.7;${HERE}, for=10.9.9.9, for=10.0.0.1`],
    ],
    ['IPv6', ['2001:db8::9', null], ['2001:db8::9, 10.0.0.1', `for="[2001:db8::9]";${HERE}, for=10.0.0.1`]],
    [
      'Forwarded',
      [null, 'for="198.51.100.7:99", for=10.9.9.9'],
      ['198.51.100.7, 10.9.9.9, 10.0.0.1', `for="198.51.100.7:99", for=10.9.9.9, ${peer}`],
    ],
    [
      'both',
      ['198.51.100.7', 'for=198.51.100.7;proto=https'],
      ['198.51.100.7, 10.0.0.1', `for=198.51.100.7;proto=https, ${peer}`],
    ],
    [
      'a Forwarded that the client made up, and its proxy passed on',
      ['198.51.100.7', 'for=6.6.6.6;host=evil'],
      ['198.51.100.7, 10.0.0.1', `for=198.51.100.7;${HERE}, for=10.0.0.1`],
    ],
    ['a list with a hole', ['unknown, 198.51.100.7', null], ['unknown, 198.51.100.7, 10.0.0.1', peer]],
    ['a hidden hop', [null, 'for=_joe, for=198.51.100.7'], ['10.0.0.1', `for=_joe, for=198.51.100.7, ${peer}`]],
  ]
  for (const [name, [forwardedFor, forwarded], wanted] of cases) {
    t.strictSame(wayOnwards(client, { forwardedFor, forwarded }), wanted, name)
  }
})
