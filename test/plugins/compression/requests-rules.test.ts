/**
 * What is decided about request bodies, as tables; and what is remembered of the apps, for how long.
 */
import t from 'tap'
import { decideRequest, type RequestQuestion } from '../../../plugins/compression/requests/decide-request.ts'
import { LEARNED_MS, LearnedCodings, MAX_RESOURCES } from '../../../plugins/compression/requests/learned.ts'
import {
  decodedHead,
  encodedHead,
  readRequestBodyFields,
} from '../../../plugins/compression/requests/request-fields.ts'
import { judgeType } from '../../../plugins/compression/rules/content-type.ts'
import { type Coding, codingsOf, type RequestRules } from '../../../plugins/compression/rules/types.ts'

const rules = (requests: Partial<RequestRules> = {}) => ({
  minSize: 1024,
  levelMap: { text: 9, image: 6, video: 3, default: 0 },
  codings: ['zstd', 'br', 'gzip'] as Coding[],
  judge: (type: string | null) => judgeType(type, []),
  requests: { decode: false, maxBytes: null, maxRatio: 100, encode: 'advertised' as const, ...requests },
})
const json = ['Content-Type', 'application/json']
const asked = (headers: string[], rest: Partial<RequestQuestion> = {}): RequestQuestion => ({
  fields: readRequestBodyFields(headers),
  length: 5_000,
  advertised: 'gzip',
  ...rest,
})

t.test('a body is decoded, encoded, left or refused for one reason', async t => {
  const decode = { decode: true }
  const list = (...encode: Coding[]) => ({ encode })
  const cases: [string, RequestQuestion, Partial<RequestRules>, string][] = [
    ['it asks for one', asked(json), {}, 'encode gzip'],
    ['its weights decide', asked(json, { advertised: 'gzip;q=0.5, br' }), {}, 'encode br'],
    ['our order decides between equals', asked(json, { advertised: 'gzip, br, zstd' }), {}, 'encode zstd'],
    ['it takes any', asked(json, { advertised: '*' }), {}, 'encode zstd'],
    ['it has said nothing', asked(json, { advertised: null }), {}, 'not-advertised'],
    ['it takes none', asked(json, { advertised: 'identity' }), {}, 'not-accepted'],
    ['nor an empty list', asked(json, { advertised: '' }), {}, 'not-accepted'],
    ['none of ours', asked(json, { advertised: 'deflate, exi' }), {}, 'not-accepted'],
    ['it would rather have it plain', asked(json, { advertised: 'identity, gzip;q=0.5' }), {}, 'not-accepted'],
    ['the route says so', asked(json, { advertised: null }), list('br', 'gzip'), 'encode br'],
    ['the app knows better', asked(json, { advertised: 'gzip' }), list('br', 'gzip'), 'encode gzip'],
    ['and refuses the one of the route', asked(json, { advertised: 'gzip' }), list('br'), 'not-accepted'],
    ['off', asked(json), { encode: 'off' }, 'off'],
    ['off beside decoding', asked(json), { ...decode, encode: 'off' }, 'off'],
    ['decoding leaves plain bodies to encoding', asked(json), decode, 'encode gzip'],
    ['at the border', asked(json, { length: 1_024 }), {}, 'encode gzip'],
    ['below it', asked(json, { length: 1_023 }), {}, 'small'],
    ['no length', asked(json, { length: null }), {}, 'stream'],
    ['no type', asked([]), {}, 'no-type'],
    ['an unknown type', asked(['Content-Type', 'application/octet-stream']), {}, 'type'],
    ['a picture', asked(['content-type', 'image/png']), {}, 'compressed-type'],
    ['a class that is left alone', asked(['content-type', 'font/ttf']), {}, 'level'],
    ['a part', asked([...json, 'Content-Range', 'bytes 0-4999/*']), {}, 'part'],
    ...['Content-MD5', 'Digest', 'Content-Digest', 'Repr-Digest', 'OC-Checksum', 'x-amz-checksum-crc32'].map(
      (name): [string, RequestQuestion, Partial<RequestRules>, string] => [
        name,
        asked([...json, name, 'a']),
        {},
        'digest',
      ],
    ),
    ['signed', asked([...json, 'Signature-Input', 'a']), {}, 'signed'],
    ['a secret is no signature', asked([...json, 'Authorization', 'Bearer a']), {}, 'encode gzip'],
    ['coded and signed', asked(['Content-Encoding', 'gzip', 'authorization', 'AWS4-HMAC-SHA256 a']), decode, 'signed'],
    ['coded and a part', asked(['Content-Encoding', 'gzip', 'Content-Range', 'bytes 0-1/2']), decode, 'part'],
    ['no-transform', asked([...json, 'Cache-Control', 'no-cache, No-Transform']), {}, 'no-transform'],
    ['no-transform, coded', asked(['Cache-Control', 'no-transform', 'Content-Encoding', 'br']), decode, 'no-transform'],
    ['encoded already', asked([...json, 'Content-Encoding', 'gzip']), {}, 'encoded'],
    ['a coding nobody knows', asked([...json, 'Content-Encoding', 'exi']), {}, 'encoded'],
    ['identity is none', asked([...json, 'Content-Encoding', 'identity, ']), {}, 'encode gzip'],
    ...['gzip', 'x-gzip', 'GZIP', 'gzip, identity'].map(
      (coding): [string, RequestQuestion, Partial<RequestRules>, string] => [
        coding,
        asked(['Content-Encoding', coding], { length: null }),
        decode,
        'decode gzip',
      ],
    ),
    ['a short one', asked(['Content-Encoding', 'zstd'], { length: 3 }), decode, 'decode zstd'],
    ['a chain', asked(['Content-Encoding', 'gzip, br']), decode, 'decode gzip,br'],
    ['a chain over lines', asked(['Content-Encoding', 'gzip', 'content-encoding', 'gzip']), decode, 'decode gzip,gzip'],
    ['a long chain', asked(['Content-Encoding', 'gzip, br, gzip']), decode, 'unsupported-coding'],
    ['a chain with another', asked(['Content-Encoding', 'exi, gzip']), decode, 'unsupported-coding'],
    ['deflate', asked(['Content-Encoding', 'deflate']), decode, 'decode deflate'],
    ['a word of JavaScript', asked(['Content-Encoding', 'constructor']), decode, 'unsupported-coding'],
  ]
  for (const [name, question, requests, wanted] of cases) {
    const decision = decideRequest(question, rules(requests))
    const done = decision.act === 'decode' ? `decode ${decision.codings}` : decision.reason
    t.equal(decision.act === 'encode' ? `encode ${decision.coding}` : done, wanted, name)
  }
})

t.test('the head tells of the body that is sent', async t => {
  const head = [
    'Host',
    'a',
    'content-encoding',
    'gzip',
    'Content-Digest',
    'x',
    'Content-Type',
    'text/plain',
    'DIGEST',
    'y',
  ]
  t.strictSame(decodedHead(head), ['Host', 'a', 'Content-Type', 'text/plain'])
  t.strictSame(encodedHead(['Host', 'a'], 'br'), ['Host', 'a', 'Content-Encoding', 'br'])
  t.strictSame(codingsOf(' identity ,, X-GZip , br'), ['gzip', 'br'])
})

t.test('what a resource says is believed of it alone, for a time, and not of more than can be kept', async t => {
  const learned = new LearnedCodings()
  const notes = { upstream: 'wiki', host: 'home.test', target: '/notes?a=1' }
  learned.note(notes, 'gzip', 1_000)
  t.equal(learned.accepts(notes, 1_000), 'gzip')
  for (const other of [{ target: '/notes' }, { target: '/notes?a=2' }, { host: 'b.test' }, { upstream: 'b' }]) {
    t.equal(learned.accepts({ ...notes, ...other }, 1_000), null)
  }
  t.equal(learned.accepts(notes, 999 + LEARNED_MS), 'gzip')
  t.equal(learned.accepts(notes, 1_000 + LEARNED_MS), null)
  t.equal(learned.size, 0, 'and forgotten')
  learned.note(notes, 'gzip', 0)
  learned.refuse(notes, 0)
  t.equal(decideRequest(asked(json, { advertised: learned.accepts(notes, 1) }), rules()).reason, 'not-accepted')
  for (let i = 0; i < MAX_RESOURCES; i++) learned.note({ ...notes, target: `/${i}` }, 'br', 0)
  t.equal(learned.size, MAX_RESOURCES)
  t.equal(learned.accepts(notes, 1), null, 'the oldest went')
  t.equal(learned.accepts({ ...notes, target: '/0' }, 1), 'br')
  learned.note({ ...notes, target: `/${'x'.repeat(3_000)}` }, 'br', 0)
  learned.note({ ...notes, target: '/long' }, 'x'.repeat(300), 0)
  t.equal(learned.accepts({ ...notes, target: '/long' }, 0), null)
})
