/** Access of routes on the wire: every way in is held to the same rules. */
import { scryptSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { base, startGateway } from '../support/gateway.ts'
import { exchange } from '../support/raw-client.ts'
import { answer, rawOrigin } from '../support/raw-origin.ts'

/** A hash that is quick to check, so that the machine's load decides nothing. */
function cheapHash(password: string): string {
  const hash = scryptSync(password, 'salt-salt', 32, { N: 1024 }).toString('base64').replace(/=+$/, '')
  return `$scrypt$ln=10,r=8,p=1$${Buffer.from('salt-salt').toString('base64')}$${hash}`
}

type Teardown = { teardown(fn: () => unknown): void }

const ask = (port: number, line: string, ...fields: string[]) =>
  exchange(port, `${line} HTTP/1.1\r\nHost: home.test\r\n${fields.map(field => `${field}\r\n`).join('')}\r\n`)

async function behind(t: Teardown, access: string, more = '') {
  const origin = await rawOrigin((_request, socket) =>
    socket.write(answer(200, { 'Cache-Control': 'public, max-age=600' }, 'inside')),
  )
  t.teardown(() => origin.close())
  const { port } = await startGateway(
    t,
    `${base}trusted_proxies: [127.0.0.1]\nroutes:\n  - { name: app, upstream: "${origin.url}", access: ${access}${more} }\n`,
  )
  return {
    origin,
    port,
    from: (address: string, line: string, ...fields: string[]) =>
      ask(port, line, `X-Forwarded-For: ${address}`, ...fields),
  }
}

t.test('addresses decide, for requests and upgrades alike', async t => {
  const { from, origin } = await behind(t, '{ allow: [10.0.0.0/8], deny: [10.6.6.6] }')
  t.equal((await from('10.1.1.1', 'GET /')).status, 200)
  for (const address of ['10.6.6.6', '11.0.0.1', '::ffff:10.6.6.6', 'fd00::1']) {
    const { status, body } = await from(address, 'GET /')
    t.equal(status, 403, address)
    t.match(body.toString(), /HG_ACCESS/)
    const upgrade = await from(address, 'GET /ws', 'Connection: Upgrade', 'Upgrade: websocket')
    t.equal(upgrade.status, 403, `upgrade from ${address}`)
  }
  t.equal(origin.requests.length, 1)
})

t.test('a kept answer is kept from who may not come in', async t => {
  const { from, origin } = await behind(t, '{ allow: [10.0.0.0/8] }')
  await from('10.1.1.1', 'GET /kept')
  t.match((await from('10.1.1.1', 'GET /kept')).headers['cache-status'], /hit/)
  t.equal((await from('11.0.0.1', 'GET /kept')).status, 403)
  t.equal(origin.requests.length, 1)
})

t.test('no spelling of a path, a method or a field passes a rule of a path', async t => {
  const { from, origin } = await behind(t, '{ paths: { /admin: { allow: [10.0.0.1] } } }')
  t.equal((await from('10.0.0.1', 'GET /admin/x')).status, 200)
  t.equal((await from('10.0.0.2', 'GET /administer')).status, 200)
  origin.requests.length = 0
  const letter = (char: string) => fc.constantFrom(char, char.toUpperCase(), `%${char.charCodeAt(0).toString(16)}`)
  const word = fc.tuple(...[...'admin'].map(letter)).map(letters => letters.join(''))
  const before = fc.constantFrom(
    '/',
    '//',
    '/./',
    '/x/../',
    '/x/%2e%2e/',
    '/%2f',
    '\\',
    '/\\',
    '/;a/',
    '/x/..;/',
    '/%5c',
    '/..%2f',
  )
  const behindIt = fc.constantFrom(
    '',
    '/',
    '/x',
    ';v=1',
    ';v/x',
    '%2fx',
    '\\x',
    '//x',
    '?q=1',
    '/.',
    '/x/..',
    '%00',
    '%5cx',
  )
  const method = fc.constantFrom('GET', 'POST', 'HEAD', 'PUT', 'OPTIONS', 'PROPFIND', 'DELETE')
  const trick = fc.constantFrom(
    'X-Original-URL: /',
    'X-Rewrite-URL: /',
    'X-HTTP-Method-Override: GET',
    'X-A: b',
    'X-Forwarded-Uri: /',
  )
  const form = fc.constantFrom('', 'http://home.test')
  const holds = fc.asyncProperty(
    method,
    form,
    before,
    word,
    behindIt,
    trick,
    async (verb, origin_, start, name, end, field) => {
      const target = `${origin_}${origin_ !== '' && !start.startsWith('/') ? '/' : ''}${start}${name}${end}`
      const { status } = await from('10.0.0.2', `${verb} ${target}`, field)
      return status === 403 || status === 400
    },
  )
  await fc.assert(holds, { numRuns: 150 })
  t.equal(origin.requests.length, 0)
})

t.test('a rule of a path holds for a Destination as well', async t => {
  const { from, origin } = await behind(t, '{ paths: { /private: { allow: [10.0.0.1] } } }')
  t.equal((await from('10.0.0.2', 'MOVE /a', 'Destination: http://home.test/%50rivate/a')).status, 403)
  t.equal((await from('10.0.0.2', 'COPY /a', 'Destination: http://other.test/private/a')).status, 403)
  t.equal((await from('10.0.0.1', 'MOVE /a', 'Destination: /private/a')).status, 200)
  t.equal(origin.requests.length, 1)
})

t.test('a password is asked for, checked and kept from the app', async t => {
  const hash = cheapHash('correct horse')
  const { from, origin } = await behind(
    t,
    `{ basic: { users: { joe: "${hash}" }, user_header: X-Remote-User }, bypass: [/api], logins: { attempts: 3 } }`,
  )
  const basic = (pair: string) => `Authorization: Basic ${Buffer.from(pair).toString('base64')}`

  await t.test('without it there is a challenge', async t => {
    const { status, headers } = await from('10.0.0.1', 'GET /')
    t.equal(status, 401)
    t.equal(headers['www-authenticate'], 'Basic realm="home", charset="UTF-8"')
    t.match(headers['cache-control'], /no-store/)
  })

  await t.test('with it the app learns the name, and not the password', async t => {
    t.equal((await from('10.0.0.1', 'GET /', basic('joe:correct horse'), 'X-Remote-User: root')).status, 200)
    const seen = origin.requests.at(-1)
    t.equal(seen?.headers['x-remote-user'], 'joe')
    t.equal(seen?.headers['authorization'], undefined)
    t.equal(seen?.lines.filter(line => /^x-remote-user:/i.test(line)).length, 1)
  })

  await t.test('what belongs to somebody who is signed in is not kept for others', async t => {
    const before = origin.requests.length
    for (let i = 0; i < 2; i++) await from('10.0.0.1', 'GET /mine', basic('joe:correct horse'))
    t.equal(origin.requests.length, before + 2)
  })

  await t.test('a path that asks for none passes the credentials of the app', async t => {
    t.equal((await from('10.0.0.1', 'GET /api/x', 'Authorization: Bearer abc', 'X-Remote-User: root')).status, 200)
    t.equal(origin.requests.at(-1)?.headers['authorization'], 'Bearer abc')
    t.equal(origin.requests.at(-1)?.headers['x-remote-user'], undefined)
    for (const path of ['/API/x', '//api/x', '/api%2f..%2fx', '/api;/x', '/api\\x'])
      t.ok([400, 401].includes((await from('10.0.0.1', `GET ${path}`)).status), path)
  })

  await t.test('after some wrong ones the sender has to wait, and nobody else', async t => {
    for (let i = 0; i < 3; i++) t.equal((await from('10.0.0.9', 'GET /', basic(`joe:wrong ${i}`))).status, 401)
    const { status, headers } = await from('10.0.0.9', 'GET /', basic('joe:wrong'))
    t.equal(status, 429)
    t.ok(Number(headers['retry-after']) > 0)
    t.equal((await from('10.0.0.1', 'GET /', basic('joe:correct horse'))).status, 200)
  })
})

t.test('hashes that other programs made are passwords like others', async t => {
  const users = {
    bcrypt: '$2y$05$CCCCCCCCCCCCCCCCCCCCC.HjfAC7Dcxi40Wnk5Kx74Fe5mhPwPc0m',
    argon: '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    apr1: '$apr1$Qz/1$MIGRlihVI4.Vxl1KXlav11',
  }
  const { from, origin } = await behind(t, `{ basic: { users: ${JSON.stringify(users)} } }`)
  const login = async (pair: string) =>
    (await from('10.0.0.1', 'GET /', `Authorization: Basic ${Buffer.from(pair).toString('base64')}`)).status
  for (const pair of ['bcrypt:Grüße', 'argon:password', 'apr1:Grüße']) t.equal(await login(pair), 200, pair)
  const asked = origin.requests.length
  for (const pair of ['bcrypt:password', 'argon:Grüße', 'apr1:', 'nobody:Grüße']) t.equal(await login(pair), 401, pair)
  t.equal(origin.requests.length, asked)
})

t.test('logins of the app are limited by sender', async t => {
  const { from } = await behind(t, '{ logins: { paths: [/identity/connect/token], attempts: 2 } }')
  const login = (address: string) => from(address, 'POST /identity/connect/token', 'Content-Length: 0')
  t.equal((await login('10.0.0.1')).status, 200)
  t.equal((await login('10.0.0.1')).status, 200)
  t.equal((await login('10.0.0.1')).status, 429)
  t.equal((await from('10.0.0.1', 'GET /identity/connect/token')).status, 200)
  t.equal((await login('10.0.0.2')).status, 200)
})

/** A server that knows who may come in: whoever has the cookie, as joe. */
async function authServer(t: Teardown) {
  const asked: { request: IncomingMessage; bytes: number }[] = []
  const server = createServer((request, response) => {
    const entry = { request, bytes: 0 }
    asked.push(entry)
    request.on('data', part => (entry.bytes += part.length))
    const isIn = request.headers.cookie === 'in=1'
    if (isIn) response.writeHead(200, { 'Remote-User': 'joe', 'Remote-Groups': 'home' }).end()
    else response.writeHead(302, { Location: 'https://login.test/?rd=x', 'Set-Cookie': 'a=b' }).end('go there')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  t.teardown(() => server.closeAllConnections())
  return { asked, server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/check` }
}

t.test('another server decides', async t => {
  const { asked, url, server } = await authServer(t)
  const { from, origin, port } = await behind(
    t,
    `{ forward: { url: "${url}", headers: [Remote-User, Remote-Groups, Remote-Email] }, bypass: [/api] }`,
  )
  const forged = [
    'Remote-User: root',
    'remote-user: root',
    'Remote-Email: a@b',
    'Remote_User: root',
    'X-Forwarded-Uri: /api',
  ]

  await t.test('its redirect is the answer', async t => {
    const { status, headers, body } = await from('10.0.0.1', 'GET /page?x=1', ...forged)
    t.equal(status, 302)
    t.match(headers, { location: 'https://login.test/?rd=x', 'set-cookie': 'a=b', 'cache-control': 'no-store' })
    t.equal(body.toString(), 'go there')
    t.equal(origin.requests.length, 0)
    t.match(asked.at(-1)?.request.headers, {
      'x-forwarded-uri': '/page?x=1',
      'x-forwarded-method': 'GET',
      'x-forwarded-host': 'home.test',
      'x-forwarded-for': '10.0.0.1',
      'remote-user': undefined,
    })
  })

  await t.test('its word, and nothing of the client, tells the app who came', async t => {
    t.equal((await from('10.0.0.1', 'GET /', 'Cookie: in=1', ...forged)).status, 200)
    const lines = origin.requests.at(-1)?.lines.filter(line => /^remote[-_]/i.test(line))
    t.strictSame(lines, ['Remote-User: joe', 'Remote-Groups: home'])
  })

  await t.test('it never sees a body, and the app gets all of it (A7)', async t => {
    const body = 'x'.repeat(5000)
    const fields = `Host: home.test\r\nCookie: in=1\r\nContent-Length: ${body.length}\r\n`
    const { status } = await exchange(port, `POST /up HTTP/1.1\r\n${fields}\r\n${body}`)
    t.equal(status, 200)
    t.equal((await origin.requests.at(-1)?.complete)?.toString(), body)
    t.equal(asked.at(-1)?.request.method, 'GET')
    t.equal(asked.at(-1)?.bytes, 0)
    t.equal(asked.at(-1)?.request.headers['content-length'], undefined)
  })

  await t.test('upgrades are asked about as well', async t => {
    const { status } = await from('10.0.0.1', 'GET /ws', 'Connection: Upgrade', 'Upgrade: websocket')
    t.equal(status, 302)
  })

  await t.test('it is asked about what the app would get, however that is written', async t => {
    const uriFor = async (line: string, ...fields: string[]) => {
      await from('10.0.0.1', line, 'Cookie: in=1', ...fields)
      const { headers } = asked.at(-1)?.request ?? {}
      t.equal(headers?.['x-original-url'], `http://home.test${headers?.['x-forwarded-uri']}`)
      return headers?.['x-forwarded-uri']
    }
    t.equal(await uriFor('GET /open/../admin?x=/../y'), '/admin?x=/../y')
    t.equal(await uriFor('GET /open/%2e%2e/admin'), '/admin')
    t.equal(await uriFor('GET http://home.test/admin'), '/admin')
    t.equal(await uriFor('GET http://home.test'), '/')
    t.equal(await uriFor('GET //admin/%41'), '//admin/%41')
  })

  await t.test('it is asked about a Destination as well', async t => {
    const before = asked.length
    t.equal(
      (await from('10.0.0.1', 'MOVE /a', 'Cookie: in=1', 'Destination: http://home.test/open/../b%20c')).status,
      200,
    )
    const uris = asked.slice(before).map(({ request }) => request.headers['x-forwarded-uri'])
    t.strictSame(uris, ['/a', '/b%20c'])
  })

  await t.test('a path that asks for no login says nothing of a person', async t => {
    const before = asked.length
    t.equal((await from('10.0.0.1', 'GET /api/x', ...forged)).status, 200)
    t.equal(asked.length, before)
    t.strictSame(
      origin.requests.at(-1)?.lines.filter(line => /^remote[-_]/i.test(line)),
      [],
    )
  })

  await t.test('a path that the app does not see is told as visitors use it', async t => {
    const access = `{ forward: { url: "${url}" } }, match: { path: /notes }, rewrite_path: /base`
    const { from: below, origin: app } = await behind(t, access)
    t.equal((await below('10.0.0.1', 'GET /%6eotes/x?y', 'Cookie: in=1')).status, 200)
    t.equal(asked.at(-1)?.request.headers['x-forwarded-uri'], '/notes/x?y')
    t.equal(app.requests.at(-1)?.target, '/base/x?y')
  })

  await t.test('when it is gone the door is closed', async t => {
    server.closeAllConnections()
    await new Promise(done => server.close(done))
    t.equal((await from('10.0.0.1', 'GET /', 'Cookie: in=1')).status, 503)
  })
})

t.test('wrong passwords at one route count at all others, and a short window does not end a long one', async t => {
  const origin = await rawOrigin((_request, socket) => socket.write(answer(200, {}, 'inside')))
  t.teardown(() => origin.close())
  const basic = `basic: { users: { joe: "${cheapHash('right')}" } }`
  const doors = { a: '1h', b: '1h', short: '1s' }
  const routes = Object.entries(doors).map(
    ([name, per]) =>
      `  - { name: ${name}, match: { path: /${name} }, upstream: "${origin.url}", access: { ${basic}, logins: { attempts: 3, per: ${per} } } }\n`,
  )
  const { port } = await startGateway(t, `${base}routes:\n${routes.join('')}`)
  const login = async (door: string, password: string) => {
    const credentials = Buffer.from(`joe:${password}`).toString('base64')
    return (await ask(port, `GET /${door}`, `Authorization: Basic ${credentials}`)).status
  }
  for (const [door, i] of [
    ['a', 1],
    ['b', 2],
    ['a', 3],
  ])
    t.equal(await login(`${door}`, `wrong${i}`), 401)
  t.equal(await login('b', 'wrong4'), 429, 'three attempts, whatever door')
  t.equal(await login('a', 'right'), 429)
  await new Promise(resolve => setTimeout(resolve, 1100))
  t.equal(await login('short', 'wrong5'), 401)
  t.equal(await login('b', 'wrong6'), 429)
})
