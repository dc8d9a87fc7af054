/** The encoder in the background: one answer at a time, proved, given up for a purge, and never in anybody's way. */
import t from 'tap'
import { fresh, type Rig } from '../rig.ts'
import { codedRig, freshText, text, whenCoded, whenEncoderRests } from './coded-rig.ts'

const body = text(800)

const codingOf = async (app: Rig) => (await app.get('/x', { 'Accept-Encoding': 'br' })).headers['content-encoding']

t.test('what is purged while it is encoded gets no form', async t => {
  const started = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  const app = await codedRig(t, {
    codec: {
      onEncode: async () => {
        started.resolve()
        await goOn.promise
      },
    },
  })
  await app.answered(app.get(), ask => ask.answer(200, freshText(), body))
  await started.promise
  await app.app.cache.purge({ by: 'all' })
  await app.answered(app.get(), ask => ask.answer(200, freshText({ 'Cache-Control': 'max-age=30' }), body))
  goOn.resolve()
  await whenEncoderRests(app)
  t.equal(await app.entries(), 1, 'the new answer alone, of the same bytes')
  t.equal((await app.app.cache.stats()).coded.refused['aborted'], 1)
})

t.test('a form that does not decode to the body is not kept', async t => {
  const app = await codedRig(t, { codec: { decode: async stored => stored } })
  await app.answered(app.get(), ask => ask.answer(200, freshText(), body))
  await whenEncoderRests(app)
  t.equal((await app.app.cache.stats()).coded.refused['check-failed'], 3)
  t.equal(await codingOf(app), undefined)
})

t.test('an encoder that fails costs nothing but itself', async t => {
  const app = await codedRig(t, {
    codec: { onEncode: coding => (coding === 'br' ? Promise.reject(new Error('no memory')) : undefined) },
  })
  await app.answered(app.get(), ask => ask.answer(200, freshText(), body))
  await whenEncoderRests(app)
  t.equal((await app.app.cache.stats()).coded.refused['encode-failed'], 1)
  t.equal(await codingOf(app), undefined)
  t.equal((await app.get('/x', { 'Accept-Encoding': 'br, gzip' })).headers['content-encoding'], 'gzip')
})

t.test('one answer is encoded at a time, and all are', async t => {
  let running = 0
  let most = 0
  const app = await codedRig(t, {
    codec: {
      onEncode: async () => {
        most = Math.max(most, ++running)
        await new Promise(wake => setImmediate(wake))
        running--
      },
    },
  })
  for (let i = 0; i < 5; i++) {
    await app.answered(app.get(`/${i}`), ask =>
      ask.answer(200, fresh({ 'Content-Type': 'text/css' }), text(300, `${i}`)),
    )
  }
  await whenCoded(app, 15)
  t.equal(most, 1)
  const { coded } = await app.app.cache.stats()
  t.same(coded.made, { zstd: 5, br: 5, gzip: 5 })
  t.ok(coded.cpuMs > 0)
})

t.test('closing does not wait for the encoder', async t => {
  const started = Promise.withResolvers<void>()
  const app = await codedRig(t, {
    codec: {
      encode: (_body, _coding, _type, signal) =>
        new Promise((_resolve, reject) => {
          started.resolve()
          signal.addEventListener('abort', () => reject(signal.reason))
        }),
    },
  })
  await app.answered(app.get(), ask => ask.answer(200, freshText(), body))
  await started.promise
  await app.app.close()
  t.pass('closed')
})
