/** Routes of an app of one's own, without any proxy. */
import t from 'tap'
import { ask, compressingApp, words } from './support.ts'

t.test('HEAD of an own route tells of the coding that GET would have, and of no length that it would not', async t => {
  const { port } = await compressingApp(t, null, {
    routes: app => {
      app.get('/long', (_request, reply) => reply.type('text/plain').header('ETag', '"a"').send(words(20_000)))
      app.get('/short', (_request, reply) => reply.type('text/plain').send('hello'))
    },
  })
  const gzip = { 'Accept-Encoding': 'gzip' }
  const got = await ask(port, '/long', gzip)
  t.equal(got.headers['content-encoding'], 'gzip')
  const head = await ask(port, '/long', gzip, 'HEAD')
  t.equal(head.status, 200)
  t.equal(head.headers['etag'], got.headers['etag'])
  t.equal(head.headers['content-length'], undefined, 'that of the plain form is not it')
  const plain = await ask(port, '/long', {}, 'HEAD')
  t.equal(plain.headers['etag'], '"a"')
  t.equal(plain.headers['content-length'], '20000')
  const short = await ask(port, '/short', gzip, 'HEAD')
  t.equal(short.headers['content-length'], '5')
})
