/** Promises about what takes long: answers, streams, sockets. */
import { RawClient } from '../support/raw-client.ts'
import type { Check } from './promises.ts'

const HOUR = 3600

/** The app answers after a time in which the gateway gives up on any other route. */
const waits: Check = async (t, { app, open, pass }, { method = 'GET', path = '/', seconds = 60 }) => {
  const answers: (() => void)[] = []
  app.script = (_request, response) => answers.push(() => response.end('at last'))
  const client = open('app.test', method, path)
  t.teardown(() => client.close())
  await app.next()
  await pass(seconds)
  answers[0]?.()
  const { status, body } = await client.answer(method)
  t.equal(status, 200)
  t.equal(body.toString(), 'at last')
}

/** The first bytes come at once, and silence does not end the stream. */
const streams: Check = async (t, { app, open, pass }, { path = '/', seconds = 60 }) => {
  const parts: ((text: string) => void)[] = []
  app.script = (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' })
    response.write('data: first\n\n')
    parts.push(text => response.write(text))
  }
  const client = open('app.test', 'GET', path, { headers: { 'Accept-Encoding': 'gzip, br, zstd' } })
  t.teardown(() => client.close())
  await client.until(text => text.includes('data: first\n\n'))
  await pass(seconds)
  parts[0]?.('data: second\n\n')
  t.match(await client.until(text => text.includes('data: second\n\n')), /^HTTP\/1\.1 200 /)
}

/** A socket opens, carries bytes both ways, and an hour of silence does not close it. */
const upgrades: Check = async (t, { app, gateway, pass }, { path = '/' }) => {
  const fields = [
    'Host: app.test',
    'Origin: http://app.test',
    'Cookie: a=b',
    'Connection: Upgrade',
    'Upgrade: websocket',
  ]
  const key = ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']
  const client = new RawClient(gateway.port).send(`GET ${path} HTTP/1.1\r\n${[...fields, ...key].join('\r\n')}\r\n\r\n`)
  t.teardown(() => client.close())
  const { status } = await client.answer()
  t.equal(status, 101)
  client.send('to the app')
  await client.until(text => text === 'to the app')
  await pass(HOUR)
  client.send(' and back')
  t.equal(await client.until(text => text.endsWith('back')), 'to the app and back')
  t.match(app.seen.at(-1)?.headers, { origin: 'http://app.test', cookie: 'a=b', 'sec-websocket-version': '13' })
}

export const takesTime = { waits, streams, upgrades } as const satisfies Record<string, Check>
