/** Promises about single fields of heads, and about what the app checks in them. */
import type { IncomingMessage } from 'node:http'
import type { Check } from './promises.ts'

/** All values of a field, in order. */
function valuesOf({ rawHeaders }: IncomingMessage, name: string): string[] {
  return rawHeaders.filter((_value, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name.toLowerCase())
}

/** The checks of the app pass, and what it makes of its name does not lead past the gateway. */
const accepts: Check = async (t, { app, ask }, { method = 'GET', path = '/' }) => {
  app.script = ({ headers }, response) => response.end(`${headers['x-forwarded-proto']}://${headers.host}/file.tgz`)
  const form = { headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: 'a=b' }
  const { status, body } = await ask('app.test', method, path, method === 'GET' ? {} : form)
  t.equal(status, 200, body.toString())
}

/** The app sees the field once, with this value. */
const sends: Check = async (t, { app, ask }, { field = '', value = '' }) => {
  const host = value === '{prefix}' ? 'sub.test' : 'app.test'
  const words = { proto: 'http', client: '127.0.0.1', origin: app.own, public: host, prefix: '/sub' }
  const expected = value.replace(/\{(\w+)\}/g, (whole, word: keyof typeof words) => words[word] ?? whole)
  const { status } = await ask(host, 'GET', '/', { headers: { Authorization: 'Basic am9lOnB3' } })
  t.equal(status, 200)
  t.strictSame(valuesOf(app.seen.at(-1) as IncomingMessage, field), [expected])
}

/** What a client says in the field never gets to the app, however it is spelled. */
const strips: Check = async (t, { app, ask }, { field = '' }) => {
  for (const name of [field, field.toLowerCase(), field.toUpperCase(), field.replaceAll('-', '_')]) {
    const { status } = await ask('app.test', 'GET', '/', { headers: { [name]: 'forged' } })
    t.equal(status, 200)
    t.notMatch(app.seen.at(-1)?.rawHeaders, ['forged'])
    t.notOk(app.seen.at(-1)?.rawHeaders.includes('forged'), name)
  }
}

const answers: Check = async (t, { ask }, { path = '/', field = '', value = '' }) => {
  const { headers } = await ask('app.test', 'GET', path)
  t.equal(headers[field.toLowerCase()], value)
}

/** A refusal that is a handshake: asked once, and its field passes both ways. */
const once: Check = async (t, { app, ask }, { method = 'POST', path = '/', field = '', value = '409' }) => {
  app.script = ({ headers }, response) => {
    const isKnown = headers[field.toLowerCase()] === 'id-1'
    response.writeHead(isKnown ? 200 : Number(value), { [field]: 'id-1' }).end()
  }
  const before = app.seen.length
  const refused = await ask('app.test', method, path, { body: '{}' })
  t.equal(refused.status, Number(value))
  t.equal(refused.headers[field.toLowerCase()], 'id-1')
  t.equal(app.seen.length, before + 1)
  t.equal((await ask('app.test', method, path, { body: '{}', headers: { [field]: 'id-1' } })).status, 200)
}

/** After so many attempts the next is refused, and the app is not asked. */
const limits: Check = async (t, { app, ask }, { method = 'POST', path = '/', value = '1' }) => {
  const before = app.seen.length
  for (let i = 0; i < Number(value); i++) t.equal((await ask('app.test', method, path)).status, 200)
  t.equal((await ask('app.test', method, path)).status, 429)
  t.equal(app.seen.length, before + Number(value))
}

export const isHeard = { accepts, sends, strips, answers, once, limits } as const satisfies Record<string, Check>
