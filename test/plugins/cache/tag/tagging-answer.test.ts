/** A whole answer waits for a receiver that pauses at its head; who leaves meanwhile leaves nothing behind. */
import t from 'tap'
import { HeldBytes, TaggingAnswer } from '../../../../plugins/cache/tag/tagging-answer.ts'

const facts = { range: null, ifNoneMatch: null } as never
const source = {
  rawHeaders: ['Content-Type', 'text/html'],
  rawTrailers: null,
  ...{ paused: false, aborted: false, reason: null, pause: () => {}, resume: () => {}, abort: () => {} },
}

/** An answer of five bytes whose receiver pauses as soon as it has the head. */
function paused() {
  const got: string[] = []
  const held = new HeldBytes()
  const receiver = {
    onResponseStart: (controller: { pause(): void }) => {
      got.push('head')
      controller.pause()
    },
    onResponseData: (_: unknown, chunk: Buffer) => void got.push(chunk.toString()),
    onResponseEnd: () => void got.push('end'),
    onResponseError: (_: unknown, error: Error) => void got.push(error.message),
  }
  const answer = new TaggingAnswer(receiver as never, { method: 'GET', facts }, held)
  answer.onRequestStart(source as never)
  answer.onResponseStart(source as never, 200, {}, 'OK')
  answer.onResponseData(source as never, Buffer.from('hello'))
  answer.onResponseEnd(source as never, {})
  return { answer, got, held }
}

t.test('it goes on when it is told to, once', async t => {
  const { answer, got, held } = paused()
  t.strictSame([got.join(), held.bytes], ['head', 5])
  answer.resume()
  answer.resume()
  t.strictSame([got.join(), held.bytes], ['head,hello,end', 0])
})

t.test('a receiver that leaves is told so, and nothing is held for it any more', async t => {
  const { answer, got, held } = paused()
  answer.abort(new Error('left'))
  answer.resume()
  t.strictSame([got.join(), held.bytes], ['head,left', 0])
})
