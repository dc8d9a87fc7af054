import t from 'tap'
import { readAnswerFacts } from '../../../../plugins/cache/rules/answer-facts.ts'
import { BodyTag, tagOf } from '../../../../plugins/cache/tag/body-tag.ts'
import {
  decideTag,
  HOLD_ANNOUNCED_MS,
  HOLD_UNKNOWN_MS,
  MOST_TAGGED_BYTES,
} from '../../../../plugins/cache/tag/tag-rules.ts'
import { flat, type Line, now } from '../rules/support.ts'

interface Asked {
  readonly method?: string
  readonly status?: number
  readonly hasRange?: boolean
}

/** How long it may be held back, or the word of the refusal. */
function verdict(lines: readonly Line[], { method = 'GET', status = 200, hasRange = false }: Asked = {}) {
  const decision = decideTag({ method, status, hasRange, answer: readAnswerFacts(flat(lines), now) })
  return decision.tag ? decision.holdMs : decision.reason
}

t.test('an answer without a validator gets a tag, and waits longer where its length is known', async t => {
  t.equal(verdict([]), HOLD_UNKNOWN_MS)
  t.equal(verdict([['Content-Length', 0]]), HOLD_ANNOUNCED_MS)
  t.equal(verdict([['Content-Length', MOST_TAGGED_BYTES]]), HOLD_ANNOUNCED_MS)
  t.equal(verdict([['Cache-Control', 'private, no-cache']]), HOLD_UNKNOWN_MS)
  t.equal(verdict([['Set-Cookie', 'a=1']]), HOLD_UNKNOWN_MS)
  t.equal(verdict([['Content-Encoding', 'gzip']]), HOLD_UNKNOWN_MS)
  t.equal(verdict([['Content-Type', 'image/png']]), HOLD_UNKNOWN_MS)
})

t.test('what cannot be read is no validator', async t => {
  t.equal(verdict([['ETag', '']]), HOLD_UNKNOWN_MS)
  t.equal(verdict([['Last-Modified', 'yesterday']]), HOLD_UNKNOWN_MS)
})

t.test('others are left as they are', async t => {
  const cases: [string, readonly Line[], Asked][] = [
    ['method', [], { method: 'HEAD' }],
    ['method', [], { method: 'POST' }],
    ['method', [], { method: 'PROPFIND' }],
    ['status', [], { status: 206 }],
    ['status', [], { status: 304 }],
    ['status', [], { status: 404 }],
    ['status', [], { status: 203 }],
    ['partial', [], { hasRange: true }],
    ['partial', [['Content-Range', 'bytes 0-1/2']], {}],
    ['has-validator', [['ETag', '"a"']], {}],
    ['has-validator', [['ETag', 'W/"a"']], {}],
    ['has-validator', [['ETag', 'a']], {}],
    ['has-validator', [['Last-Modified', -60]], {}],
    ['no-store', [['Cache-Control', 'no-store']], {}],
    ['too-large', [['Content-Length', MOST_TAGGED_BYTES + 1]], {}],
    ['too-large', [['Content-Length', 'many']], {}],
  ]
  for (const [wanted, lines, asked] of cases) t.equal(verdict(lines, asked), wanted, JSON.stringify([lines, asked]))
})

t.test('what comes for as long as somebody listens is not held back', async t => {
  const types = [
    ...[
      'text/event-stream',
      'text/event-stream;charset=utf-8',
      'Text/Event-Stream',
      'multipart/x-mixed-replace; boundary=a',
    ],
    ...[
      'application/x-ndjson',
      'application/jsonl',
      'application/stream+json',
      'application/grpc',
      'application/grpc-web',
    ],
    ...['video/mp4', 'Video/mp4', 'audio/mpeg', 'audio/mpeg; rate=1'],
  ]
  for (const type of types) t.equal(verdict([['Content-Type', type]]), 'stream', type)
})

t.test('the tag is that of the bytes, however they came', async t => {
  const chunked = new BodyTag()
  for (const text of ['one ', '', 'two']) chunked.add(Buffer.from(text))
  t.equal(chunked.bytes, 7)
  const tag = chunked.finish()
  t.equal(tag, tagOf(Buffer.from('one two')))
  t.match(tag, /^W\/"[\w-]{22}"$/)
  t.not(tag, tagOf(Buffer.from('one twO')))
  t.equal(new BodyTag().finish(), tagOf(Buffer.alloc(0)))
})
