/** `false` in place of a block of `defaults` switches off what it does, seen from the app. */
import t from 'tap'
import { base, startGateway } from '../support/gateway.ts'
import { exchange } from '../support/raw-client.ts'
import { answer } from '../support/raw-origin.ts'
import { get, originFor } from './support.ts'

t.test('without pools each request has a connection of its own', async t => {
  for (const [block, most] of [
    ['connection_pools: false', 4],
    ['protocol: false', 4],
    ['connection_pools: {}', 1],
  ] as const) {
    const origin = await originFor(t, (_request, socket) => void socket.write(answer(200, {}, 'ok')))
    const { port } = await startGateway(t, `${base}routes:\n  - { name: app, upstream: "${origin.url}", ${block} }\n`)
    for (let i = 0; i < 4; i++) t.equal((await exchange(port, get(`/${i}`))).status, 200)
    t.equal(origin.connections, most, block)
  }
})

t.test('without optimization of requests there is one attempt', async t => {
  for (const [block, attempts] of [
    ['request_optimization: false', 1],
    ['request_optimization: {}', 3],
  ] as const) {
    const origin = await originFor(t, (_request, socket) => void socket.write(answer(503, {}, 'no')))
    const { port } = await startGateway(t, `${base}routes:\n  - { name: app, upstream: "${origin.url}", ${block} }\n`)
    t.equal((await exchange(port, get('/'))).status, 503)
    t.equal(origin.requests.length, attempts, block)
  }
})

t.test('without health nobody waits for an app that is away', async t => {
  const origin = await originFor(t, () => {})
  await origin.close()
  const { port } = await startGateway(
    t,
    `${base}routes:\n  - { name: app, upstream: "${origin.url}", health: false }\n`,
  )
  const began = performance.now()
  t.equal((await exchange(port, get('/'))).status, 502)
  t.ok(performance.now() - began < 4_000, 'the usual hold is 8 s')
})

t.test('a route is free of the bounds and rules that stand in defaults or its preset', async t => {
  const origin = await originFor(t, (_request, socket) => void socket.write(answer(200, {}, 'ok')))
  const defaults = 'defaults: { limits: { body_size: 1KB }, headers: { request: { set: { X-Home: yes } } } }\n'
  const app = (name: string, more: string) =>
    `  - { name: ${name}, match: { host: ${name} }, upstream: "${origin.url}", preset: nextcloud${more} }\n`
  const off = ', limits: false, headers: off, redirects: false, webdav: false'
  const { port } = await startGateway(
    t,
    `${base}${defaults}routes:\n${app('bound', ', limits: { body_size: 1KB }')}${app('free', off)}`,
  )
  const ask = async (head: string, more = '', body = '') =>
    (await exchange(port, `${head}\r\n${more}\r\n${body}`)).status
  const upload = `Content-Length: 2000\r\n`
  for (const [host, uploaded, asked, home] of [
    ['bound', 413, 301, 'yes'],
    ['free', 200, 200, undefined],
  ] as const) {
    t.equal(await ask(`PUT /file HTTP/1.1\r\nHost: ${host}`, upload, 'x'.repeat(2000)), uploaded, `${host}: body_size`)
    t.equal(await ask(`GET /.well-known/caldav HTTP/1.1\r\nHost: ${host}`), asked, `${host}: redirects`)
    t.equal(await ask(`GET / HTTP/1.1\r\nHost: ${host}`), 200)
    t.equal(origin.requests.at(-1)?.headers['x-home'], home, `${host}: headers`)
  }
})
