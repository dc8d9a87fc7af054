/**
 * What attacks on the response cache have found of requests that share one answer while it comes.
 */
import net from 'node:net'
import t from 'tap'
import { exchange, RawClient } from '../support/raw-client.ts'
import { answer, type Script } from '../support/raw-origin.ts'
import { cacheStatus, get, holds, later, MiB, open, purge, request } from './cache-attack-support.ts'

t.setTimeout(200_000)

t.test('many who are given a stale answer at once make one request to the origin', async t => {
  let isSlow = false
  const { origin, port } = await open(t, (_request, socket) => {
    const bytes = answer(200, { 'Cache-Control': 'max-age=1, stale-while-revalidate=600', ETag: '"1"' }, 'page')
    if (isSlow) setTimeout(() => socket.write(bytes), 300)
    else socket.write(bytes)
  })
  await exchange(port, get('/page'))
  isSlow = true
  await later(1_100)
  const answers = await Promise.all(Array.from({ length: 20 }, () => exchange(port, get('/page'))))
  t.ok(answers.every(each => cacheStatus(each).includes('hit')))
  await later(500)
  t.equal(origin.requests.length, 2, 'the first, and one refresh')
})

t.test('answers that break off leave no mark on what is kept for readers to come', async t => {
  const { origin, port } = await open(t, ({ target }, socket) => {
    if (target.startsWith('/broken')) {
      socket.write(`HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: ${8 * MiB}\r\n\r\n`)
      socket.end(Buffer.alloc(7.5 * MiB))
    } else {
      const bytes = answer(200, { 'Cache-Control': 'max-age=60', ETag: '"1"' }, 'small')
      socket.write(bytes.subarray(0, -3))
      setTimeout(() => socket.write(bytes.subarray(-3)), 300)
    }
  })
  for (let i = 0; i < 10; i++) {
    const broken = await exchange(port, get(`/broken${i}`))
    t.notOk(broken.isWhole)
  }
  const before = origin.requests.length
  const first = exchange(port, get('/good'))
  await holds(() => origin.requests.length > before, 'the origin has the request')
  await later(50)
  const answers = await Promise.all([first, ...Array.from({ length: 4 }, () => exchange(port, get('/good')))])
  t.ok(answers.every(each => each.body.toString() === 'small'))
  t.equal(origin.requests.length - before, 1, 'they share one request')
})

t.test('a request that is answered while a write is under way does not put the old answer into the store', async t => {
  let version = 1
  let held: (() => void) | null = null
  const script: Script = ({ method, target }, socket) => {
    if (method === 'POST') {
      version = 2
      socket.write(answer(200, {}, 'done'))
      return
    }
    const bytes = answer(200, { 'Cache-Control': 'max-age=600' }, `version ${version}`)
    if (version === 1 && target !== '/other') held = () => void socket.write(bytes)
    else socket.write(bytes)
  }
  for (const cache of ['coalesce: true', 'coalesce: false']) {
    await t.test(cache, async t => {
      version = 1
      held = null
      const { port } = await open(t, script, { cache })
      const old = exchange(port, get('/page'))
      await holds(() => held !== null, 'the origin has the request')
      await exchange(port, request('POST', '/page', 'Content-Length: 0'))
      ;(held as (() => void) | null)?.()
      t.equal((await old).body.toString(), 'version 1')
      const next = await exchange(port, get('/page'))
      t.equal(next.body.toString(), 'version 2')
    })
  }
})

t.test('a purge reaches an answer that one request alone is being given', async t => {
  let held: (() => void) | null = null
  let count = 0
  const { port, gateway } = await open(
    t,
    (_request, socket) => {
      const bytes = answer(200, { 'Cache-Control': 'max-age=600' }, `copy ${++count}`)
      if (count === 1) held = () => void socket.write(bytes)
      else socket.write(bytes)
    },
    { cache: 'coalesce: false' },
  )
  const old = exchange(port, get('/page'))
  await holds(() => held !== null, 'the origin has the request')
  t.match(await purge(gateway, { all: true }), { complete: true })
  ;(held as (() => void) | null)?.()
  await old
  t.equal((await exchange(port, get('/page'))).body.toString(), 'copy 2')
})

t.test('one who asks for no-store, or asks conditionally, does not keep others from sharing a request', async t => {
  for (const line of [
    'Cache-Control: no-store',
    'Authorization: Basic eDp5',
    'If-None-Match: "1"',
    'Range: bytes=9-',
  ]) {
    await t.test(line, async t => {
      const { origin, port } = await open(t, ({ headers }, socket) => {
        const fields = { 'Cache-Control': 'max-age=1', ETag: '"1"' }
        if (headers['if-none-match'] === '"1"') socket.write('HTTP/1.1 304 Not\r\nCache-Control: max-age=1\r\n\r\n')
        else if (headers['range'] !== undefined) socket.write(answer(416, { 'Content-Range': 'bytes */4' }))
        else setTimeout(() => socket.write(answer(200, fields, 'page')), 150)
      })
      await exchange(port, get('/page', line))
      const before = origin.requests.length
      await Promise.all(Array.from({ length: 5 }, () => exchange(port, get('/page'))))
      t.equal(origin.requests.length - before, 1)
    })
  }
})

t.test('an answer that is not to be used without asking (no-cache) is for the one whose request asked', async t => {
  const { port } = await open(t, ({ headers }, socket) => {
    const who = headers['cookie'] ?? 'nobody'
    const fields = { 'Cache-Control': 'no-cache', ETag: `"${who}"` }
    setTimeout(() => {
      if (headers['if-none-match'] === `"${who}"`) socket.write(`HTTP/1.1 304 Not\r\nETag: "${who}"\r\n\r\n`)
      else socket.write(answer(200, fields, `for ${who}`))
    }, 150)
  })
  const together = async () => {
    const stranger = exchange(port, get('/page'))
    await later(30)
    return await Promise.all([stranger, exchange(port, get('/page', 'Cookie: ann'))])
  }
  const [first, ofAnn] = await together()
  t.equal(first?.body.toString(), 'for nobody')
  t.equal(ofAnn?.body.toString(), 'for ann', 'while the answer is fetched')
  const [again, ofAnnAgain] = await together()
  t.equal(again?.body.toString(), 'for nobody')
  t.equal(ofAnnAgain?.body.toString(), 'for ann', 'while the stored one is revalidated')
})

t.test('an answer whose body drips is not given to newcomers when it is no longer fresh', async t => {
  let count = 0
  const { port } = await open(t, (_request, socket) => {
    const number = ++count
    const head =
      'HTTP/1.1 200 OK\r\nCache-Control: max-age=1, must-revalidate\r\nETag: "1"\r\nContent-Length: 4\r\n\r\n'
    socket.write(`${head}${number}`)
    setTimeout(() => socket.write('abc'), number === 1 ? 3_000 : 0)
  })
  const slow = exchange(port, get('/page'))
  await later(2_200)
  const newcomer = await exchange(port, get('/page'))
  t.equal(newcomer.body.toString(), '2abc', `${cacheStatus(newcomer)} Age ${newcomer.headers['age']}`)
  await slow
})

t.test('a client that stands still holds up nobody who reads the same answer', async t => {
  const size = 20 * MiB
  const { port } = await open(
    t,
    (_request, socket) => {
      const head = 'HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nConnection: close\r\n\r\n'
      setTimeout(() => socket.end(Buffer.concat([Buffer.from(head), Buffer.alloc(size)])), 200)
    },
    { cache: 'max_object_size: 64MiB' },
  )
  let received = 0
  const victim = net.connect(port, '127.0.0.1').on('data', chunk => {
    received += chunk.length
  })
  t.teardown(() => victim.destroy())
  victim.write(get('/film'))
  const still = new RawClient(port).send(get('/film'))
  still.socket.pause()
  t.teardown(() => still.close())
  await holds(() => received >= size, 'the whole', 10_000).catch(() => t.fail(`got ${received} of ${size} bytes`))
})

t.test('what nobody reads and nobody stores is not fetched to its end', async t => {
  let sent = 0
  let isClosed = false
  const { port } = await open(t, (_request, socket) => {
    const isFirst = sent === 0
    sent += 1
    if (isFirst) return void socket.write(answer(200, { 'Cache-Control': 'max-age=0', ETag: '"1"' }, 'page'))
    socket.write('HTTP/1.1 200 OK\r\nCache-Control: private\r\nETag: "1"\r\nTransfer-Encoding: chunked\r\n\r\n')
    const block = Buffer.alloc(64 * 1024)
    const timer = setInterval(() => {
      sent += block.length
      socket.write(Buffer.concat([Buffer.from('10000\r\n'), block, Buffer.from('\r\n')]))
    }, 10)
    socket.on('close', () => {
      isClosed = true
      clearInterval(timer)
    })
  })
  await exchange(port, get('/page'))
  const second = await exchange(port, get('/page', 'If-None-Match: "1"'))
  t.equal(second.status, 304)
  await holds(() => isClosed, 'the origin is let go', 2_000).catch(() =>
    t.fail(`the origin still sends: ${sent} bytes`),
  )
})

t.test('a HEAD that is given a stale answer does not cost the store its entry', async t => {
  let version = 1
  const { port, origin } = await open(t, (_request, socket) => {
    const fields = { 'Cache-Control': 'max-age=1, stale-while-revalidate=600', ETag: `"${version}"` }
    socket.write(answer(200, fields, `page ${version}`))
  })
  await exchange(port, get('/page'))
  version = 2
  await later(1_100)
  t.match(cacheStatus(await exchange(port, request('HEAD', '/page'))), 'hit')
  await holds(() => origin.requests.length === 2, 'the refresh')
  await later(50)
  const next = await exchange(port, get('/page'))
  t.match(cacheStatus(next), 'hit')
  t.equal(next.body.toString(), 'page 2')
})

t.test('a range of an answer that turned out too long to be stored reaches the origin as a range', async t => {
  const { port, origin } = await open(
    t,
    ({ headers }, socket) => {
      if (headers['range'] !== undefined) {
        return void socket.write(answer(206, { 'Content-Range': 'bytes 5-9/3000000', ETag: '"1"' }, '56789'))
      }
      const size = (3 * MiB).toString(16)
      socket.write('HTTP/1.1 200 OK\r\nCache-Control: max-age=9\r\nETag: "1"\r\nTransfer-Encoding: chunked\r\n\r\n')
      socket.write(Buffer.concat([Buffer.from(`${size}\r\n`), Buffer.alloc(3 * MiB), Buffer.from('\r\n0\r\n\r\n')]))
    },
    { cache: 'max_object_size: 1MiB' },
  )
  await exchange(port, get('/film'))
  const part = await exchange(port, get('/film', 'Range: bytes=5-9'))
  t.equal(part.status, 206)
  t.equal(origin.requests.at(-1)?.headers['range'], 'bytes=5-9')
})

t.test('an app that names its own rules in Connection does not lose them for the store', async t => {
  const heads: Record<string, string> = {
    '/private': 'Connection: Cache-Control\r\nCache-Control: private\r\nExpires: Fri, 01 Jan 2100 00:00:00 GMT',
    '/cookie': 'Connection: X, set-cookie\r\nSet-Cookie: sid=1\r\nCache-Control: max-age=60',
    '/vary': 'Connection: Vary\r\nVary: X-User\r\nCache-Control: max-age=60',
    '/own': 'Connection: X-Own\r\nX-Own: 1\r\nCache-Control: max-age=60',
  }
  const { port } = await open(t, ({ target, headers }, socket) => {
    const user = headers['x-user'] as string
    socket.write(`HTTP/1.1 200 OK\r\n${heads[target]}\r\nContent-Length: ${user.length}\r\n\r\n${user}`)
  })
  const ask = (path: string, user: string) => exchange(port, get(path, `X-User: ${user}`))
  for (const path of ['/private', '/cookie', '/vary']) {
    t.equal((await ask(path, 'ann')).body.toString(), 'ann', path)
    t.equal((await ask(path, 'bob')).body.toString(), 'bob', path)
  }
  await ask('/own', 'ann')
  const own = await ask('/own', 'bob')
  t.match(cacheStatus(own), 'hit', 'others may be named')
  t.equal(own.headers['x-own'], undefined)
})
