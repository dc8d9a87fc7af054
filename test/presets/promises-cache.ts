/** Promises about what is kept. Each holds at the root of a name and below a path. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Check } from './promises.ts'

const types: Readonly<Record<string, string>> = {
  js: 'text/javascript',
  css: 'text/css',
  woff2: 'font/woff2',
  svg: 'image/svg+xml',
}

/** Answers with another body each time, so that an old one shows. */
function counting(fields: Readonly<Record<string, string>>) {
  let count = 0
  return ({ url = '' }: IncomingMessage, response: ServerResponse) => {
    const extension = /\.(\w+)(?:\?|$)/.exec(url)?.[1] ?? ''
    const type = types[extension] ?? 'application/octet-stream'
    response.writeHead(200, { 'Content-Type': type, ...fields }).end(`body ${++count}`)
  }
}

/** However the app marks it, the app is asked each time; `unmarked` = it marks nothing. */
const asks_again: Check = async (t, { app, ask }, { path = '/', value }) => {
  for (const host of ['app.test', 'sub.test'] as const) {
    app.script = counting(value === 'unmarked' ? {} : { 'Cache-Control': 'public, max-age=3600', ETag: '"a"' })
    t.equal((await ask(host, 'GET', path)).body.toString(), 'body 1')
    t.equal((await ask(host, 'GET', path)).body.toString(), 'body 2')
  }
}

/** What the app does not mark at all is asked for once. */
const keeps: Check = async (t, { app, ask }, { path = '/' }) => {
  for (const host of ['app.test', 'sub.test'] as const) {
    app.script = counting({})
    const first = await ask(host, 'GET', path)
    const second = await ask(host, 'GET', path, { headers: { Cookie: 'session=1' } })
    t.equal(first.body.toString(), 'body 1')
    t.equal(second.body.toString(), 'body 1')
    t.match(second.headers['cache-status'], /hearthgate; hit/)
  }
}

export const isKept = { asks_again, keeps } as const satisfies Record<string, Check>
