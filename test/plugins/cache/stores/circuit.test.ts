/** The rules that leave a failing server alone, and the addresses of Redis. */
import t from 'tap'
import { readRedisAddress } from '../../../../plugins/cache/stores/index.ts'
import {
  afterFailure,
  afterProbe,
  afterSuccess,
  closedCircuit,
  opened,
} from '../../../../plugins/cache/stores/redis/circuit.ts'

t.test('Three failures in a row open the circuit, a success between them does not', t => {
  let circuit = afterFailure(afterFailure(closedCircuit, 0), 1)
  t.equal(circuit.state, 'closed')
  circuit = afterFailure(afterFailure(afterSuccess(circuit), 2), 3)
  t.equal(circuit.state, 'closed')
  circuit = afterFailure(circuit, 4)
  t.match(circuit, { state: 'open', probeAtMs: 2_004 })
  t.equal(afterSuccess(circuit).state, 'open', 'an answer that comes late does not close it')
  t.end()
})

t.test('Questions that were open together when one failed count once', t => {
  let circuit = afterFailure(closedCircuit, 50, 0)
  for (const askedAtMs of [0, 10, 49.9]) circuit = afterFailure(circuit, 51, askedAtMs)
  t.match(circuit, { state: 'closed', failures: 1 })
  circuit = afterFailure(circuit, 100, 50)
  for (const askedAtMs of [0, 51, 99.9]) circuit = afterFailure(circuit, 149, askedAtMs)
  t.match(circuit, { state: 'closed', failures: 2 })
  t.match(afterFailure(circuit, 150, 100), { state: 'open', probeAtMs: 2_150 })
  t.match(opened(closedCircuit, 7), { state: 'open', probeAtMs: 2_007 })
  t.equal(opened(opened(closedCircuit, 7), 8).probeAtMs, 2_007, 'a pause that runs is not lengthened')
  t.end()
})

t.test('The pause doubles with each failed probe, up to thirty seconds, and is forgotten after twenty answers', t => {
  let circuit = closedCircuit
  for (let failure = 0; failure < 3; failure++) circuit = afterFailure(circuit, 0)
  const pauses = []
  for (let probe = 0; probe < 6; probe++) {
    pauses.push(circuit.pauseMs)
    circuit = afterProbe(circuit, false, 0)
  }
  t.same(pauses, [2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
  circuit = afterProbe(circuit, true, 0)
  t.equal(circuit.state, 'closed')
  let again = circuit
  for (let failure = 0; failure < 3; failure++) again = afterFailure(again, 0)
  t.equal(again.pauseMs, 30_000)
  for (let answer = 0; answer < 20; answer++) circuit = afterSuccess(circuit)
  for (let failure = 0; failure < 3; failure++) circuit = afterFailure(circuit, 0)
  t.equal(circuit.pauseMs, 2_000)
  t.end()
})

const plain = { tls: false, master: '', username: null, password: null, database: 0 }
const ADDRESSES = [
  ['redis://localhost', { ...plain, mode: 'single', nodes: [{ host: 'localhost', port: 6379 }] }],
  ['redis://h:7000/6', { ...plain, mode: 'single', nodes: [{ host: 'h', port: 7000 }], database: 6 }],
  ['rediss://u:p%40ss@h', { mode: 'single', tls: true, username: 'u', password: 'p@ss' }],
  ['redis://:pass@h', { username: null, password: 'pass' }],
  ['redis://[::1]:7000', { nodes: [{ host: '::1', port: 7000 }] }],
  [
    'redis+sentinel://a,b:7/home/6',
    {
      mode: 'sentinel',
      master: 'home',
      database: 6,
      nodes: [
        { host: 'a', port: 26379 },
        { host: 'b', port: 7 },
      ],
    },
  ],
  [
    'rediss+cluster://a:1,b:2',
    {
      mode: 'cluster',
      tls: true,
      nodes: [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
      ],
    },
  ],
  ['redis+sentinel://a', null],
  ['redis+cluster://a/6', null],
  ['redis://a,b', null],
  ['redis://a/six', null],
  ['redis://a:99999', null],
  ['http://a', null],
] as const

t.test('Addresses of Redis are read as documented', t => {
  for (const [text, expected] of ADDRESSES)
    if (expected === null) t.equal(readRedisAddress(text), null, text)
    else t.match(readRedisAddress(text), expected, text)
  t.end()
})
