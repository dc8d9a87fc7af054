/** Promises about addresses: redirects of the gateway, the fields of WebDAV, what the log shows. */
import { compileRedaction, redactUrl } from '../../plugins/access-log/index.ts'
import { configOf, withRoute } from '../gateway/config/support.ts'
import type { Check } from './promises.ts'

/** The gateway answers for the app, for any method, below the public path. */
const redirects: Check = async (t, { app, ask }, { path = '/', value = '' }) => {
  const before = app.seen.length
  for (const method of ['GET', 'PROPFIND']) {
    const root = await ask('app.test', method, path)
    t.equal(root.status, 301)
    t.equal(root.headers['location'], `http://app.test${value}`)
    t.equal((await ask('sub.test', method, `${path}/`)).headers['location'], `http://sub.test/sub${value}`)
  }
  t.equal(app.seen.length, before)
}

const TOKEN = '(<opaquelocktoken:1> ["a"])'

/** Destination and If name the app by the host and path that it sees itself; `as sent` = by those that the client knows. */
const moves: Check = async (t, { app, ask }, { path = '/', value }) => {
  for (const [host, base] of [
    ['app.test', ''],
    ['sub.test', '/sub'],
  ] as const) {
    const at = `http://${host}${base}${path}`
    const headers = { Destination: `${at}%20new`, If: `<${at}> ${TOKEN}`, Overwrite: 'F' }
    t.equal((await ask(host, 'MOVE', path, { headers })).status, 200)
    const seen = app.seen.at(-1)?.headers
    const known = value === 'as sent' ? at : `http://${seen?.host}${path}`
    t.equal(seen?.['destination'], `${known}%20new`)
    t.equal(seen?.['if'], `<${known}> ${TOKEN}`)
    t.equal(seen?.['overwrite'], 'F')
  }
}

/** The log shows the address without the secret. */
const hides: Check = async (t, rig, { path = '/' }) => {
  const { preset } = rig.gateway.gateway.config.routes[0] ?? {}
  const [route] = configOf(withRoute(`preset: ${preset}`)).routes
  t.notMatch(redactUrl(path, compileRedaction(route?.redact ?? [])), /SECRET/)
  t.match(path, /SECRET/)
}

export const keepsAddresses = { redirects, moves, hides } as const satisfies Record<string, Check>
