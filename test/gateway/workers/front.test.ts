/** The admin listener of several workers hands questions on to them, and to nobody else. */
import t from 'tap'
import { exchange } from '../../support/raw-client.ts'
import { answer } from '../../support/raw-origin.ts'
import { originFor } from '../support.ts'
import { twoWorkers } from './rig.ts'

t.test('a target that looks like another address is a path of the workers', async t => {
  const { gateway } = await twoWorkers(t)
  const stranger = await originFor(t, (_request, socket) =>
    socket.write(answer(200, { 'Content-Type': 'text/html', 'Content-Security-Policy': 'x' }, '<script></script>')),
  )
  const port = Number(new URL(gateway.admin).port)
  const host = `127.0.0.1:${stranger.port}`
  const ask = (method: string, target: string, body = '') => {
    const json = `Content-Type: application/json\r\nX-Hearthgate: 1\r\nContent-Length: ${body.length}\r\n`
    const more = method === 'POST' ? json : ''
    return exchange(port, `${method} ${target} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${more}\r\n${body}`)
  }
  const cases: [string, string, number][] = [
    ['GET', `//${host}/page`, 404],
    ['GET', `/\\${host}/page`, 404],
    ['GET', `http://${host}/page`, 400],
    ['POST', `//${host}/page`, 404],
    ['GET', `http://${host}/api/stats`, 400],
    ['GET', '/api/routes', 200],
    ['GET', '/api/config?x=//a', 200],
  ]
  for (const [method, target, status] of cases) {
    const got = await ask(method, target, method === 'POST' ? '{}' : '')
    t.equal(got.status, status, `${method} ${target}`)
    t.notMatch(got.body.toString(), '<script>')
  }
  t.strictSame(
    stranger.requests.map(({ line, headers }) => `${line}: ${headers['authorization']}`),
    [],
    'nobody else was asked, or told the secret',
  )
})
