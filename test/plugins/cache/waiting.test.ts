/** Who waits for another’s answer, for how long, and who gets it in the end. */
import t from 'tap'
import { answers, type Fields, fresh, openMany, type Rig, rig, staysAt, until } from './rig.ts'

t.test('what is one person’s goes to nobody who waits, who then all go at once', async t => {
  const cases: [string, Fields, Fields][] = [
    ['private', { 'Cache-Control': 'private, max-age=60' }, {}],
    ['no-store', { 'Cache-Control': 'no-store' }, {}],
    ['Set-Cookie', { 'Cache-Control': 'max-age=60', 'Set-Cookie': 'session=1' }, {}],
    ['Vary: *', { 'Cache-Control': 'max-age=60', Vary: '*' }, {}],
    ['Vary: Cookie', { 'Cache-Control': 'max-age=60', Vary: 'Cookie' }, { Cookie: 'a=1' }],
  ]
  for (const [name, fields, asking] of cases) {
    const app = await rig(t, { group: { maxSize: 300 } })
    const count = name === 'private' ? 100 : 10
    const clients = openMany(t, app, count, asking)
    await app.whenWaiting(count)
    const first = await app.next()
    first.answer(200, fields, 'body 0')
    // All of them before any of them is answered.
    await until(() => app.asked === count, 3_000, `${name}: only ${app.asked} at the origin`)
    for (let i = 1; i < count; i++) (await app.next()).answer(200, fields, `body ${i}`)
    const bodies = (await answers(clients)).map(each => each.body.toString())
    t.equal(new Set(bodies).size, count, `${name}: one answer a person`)
    t.equal(await app.entries(), 0, name)
    const again = openMany(t, app, 5, asking)
    await until(() => app.asked === count + 5, 1_000, `${name}: the second round waits`)
    for (let i = 0; i < 5; i++) (await app.next()).answer(200, fields, 'again')
    await answers(again)
  }
})

t.test('what one request asks for says nothing about its address', async t => {
  const asking: [string, Fields][] = [
    ['no-store', { 'Cache-Control': 'no-store' }],
    ['a condition', { 'If-None-Match': '"v1"' }],
    ['credentials', { Authorization: 'Bearer x' }],
  ]
  for (const [name, fields] of asking) {
    const app = await rig(t)
    const odd = app.get('/x', fields)
    const ask = await app.next()
    if (ask.fields['if-none-match'] === undefined) ask.answer(200, fresh(), 'x')
    else ask.answer(304, fresh())
    await odd
    const before = app.asked
    const clients = openMany(t, app, 5)
    t.ok(await staysAt(() => Math.max(before + 1, app.asked), before + 1), `${name}: the others still share`)
    const isAnswered = () => clients.every(client => client.received.length > 0)
    while (!isAnswered()) {
      // The last of them may still be on their way to who asked.
      const ask = await app.next(500).catch(() => null)
      ask?.answer(200, fresh(), 'x')
      await until(() => isAnswered() || ask !== null)
    }
  }
})

t.test('two variants among those who wait are two requests at most', async t => {
  const app = await rig(t)
  const german = openMany(t, app, 8, { 'Accept-Language': 'de' })
  const english = openMany(t, app, 8, { 'Accept-Language': 'en' })
  await app.whenWaiting(16)
  for (let i = 0; i < 2; i++) {
    const ask = await app.next()
    ask.answer(200, fresh({ Vary: 'Accept-Language' }), ask.fields['accept-language'])
  }
  for (const got of await answers(german)) t.equal(got.body.toString(), 'de')
  for (const got of await answers(english)) t.equal(got.body.toString(), 'en')
  t.equal(app.asked, 2)
})

t.test('three variants among those who wait are three requests', async t => {
  const app = await rig(t)
  const groups = ['de', 'en', 'fr'].map(language => openMany(t, app, 8, { 'Accept-Language': language }))
  await app.whenWaiting(24)
  const all = answers(groups.flat())
  let isOver = false
  void all.finally(() => {
    isOver = true
  })
  while (!isOver) {
    const ask = await app.next(300).catch(() => null)
    ask?.answer(200, fresh({ Vary: 'Accept-Language' }), ask.fields['accept-language'])
  }
  const bodies = (await all).map(each => each.body.toString())
  t.same(
    bodies,
    ['de', 'en', 'fr'].flatMap(language => Array(8).fill(language)),
  )
  t.equal(app.asked, 3)
})

t.test('nobody waits longer than five seconds for another’s answer', async t => {
  const answerAll = async (app: Rig) => {
    for (;;) {
      const ask = await app.next(7_000).catch(() => null)
      if (ask === null) return
      ask.answer(200, fresh(), 'late')
    }
  }
  const cases = [false, true].map(async isKnown => {
    const app = await rig(t)
    if (isKnown) {
      // Known to be anybody's: who waits would rather share again than go alone.
      await app.store(fresh())
      await app.app.cache.purge({ by: 'all' })
    }
    const leader = app.open()
    const silent = await app.next()
    const clients = openMany(t, app, 3)
    await app.whenWaiting(4)
    const begun = Date.now()
    void answerAll(app)
    const got = await answers(clients, 7_000).catch(() => [])
    t.equal(got.filter(each => each.body.toString() === 'late').length, 3, `known ${isKnown}: answered in time`)
    t.ok(Date.now() - begun < 6_500, `known ${isKnown}: after ${Date.now() - begun} ms`)
    silent.answer(200, fresh(), 'first')
    t.equal((await leader.answer()).body.toString(), 'first')
  })
  await Promise.all(cases)
})

t.test('an answer that must be validated each time goes to those only whose request was asked', async t => {
  // RFC 9111 §5.2.2.4: not used for any other request without asking the origin.
  const app = await rig(t, { answer: ask => ask.answer(200, { 'Cache-Control': 'no-cache', ETag: '"v1"' }, 'body') })
  const clients = openMany(t, app, 4)
  for (const got of await answers(clients)) t.equal(got.body.toString(), 'body')
  t.equal(app.asked, 4)
})

t.test('nobody joins an answer that has become stale while it arrives', async t => {
  const app = await rig(t)
  const first = app.open()
  const ask = await app.next()
  ask.begin(200, { 'Cache-Control': 'max-age=1', ETag: '"v1"' }).chunk('old ')
  await first.until(text => text.includes('old '))
  await new Promise(wake => setTimeout(wake, 1_200))
  const second = app.open()
  const other = await app.next(1_000).catch(() => null)
  t.not(other, null, 'the second request went to the origin')
  other?.answer(200, fresh(), 'new')
  ask.chunk('body')
  ask.end()
  t.equal((await first.answer()).body.toString(), 'old body')
  t.equal((await second.answer()).body.toString(), other === null ? 'old body' : 'new')
})

t.test('a request with a cookie does not wait for a page that the app gave a stranger without a word', async t => {
  const modified = new Date(Date.now() - 10 * 86_400_000).toUTCString()
  const cases = [
    {
      title: 'fresh by a guess',
      options: { heuristicFreshness: 0.5 },
      fields: { 'Last-Modified': modified },
      isStored: false,
    },
    { title: 'being asked about', options: {}, fields: { 'Cache-Control': 'no-cache', ETag: '"v1"' }, isStored: true },
  ]
  for (const { title, options, fields, isStored } of cases) {
    const app = await rig(t, { cache: options })
    if (isStored) await app.store(fields, 'for strangers')
    const strangers = [app.open(), app.open()] as const
    const ask = await app.next()
    await app.whenWaiting(2)
    const member = app.open('/x', { Cookie: 'sid=1' })
    // One that waits for another's head asks when it has come, one that does not asks at once.
    const answerMember = app.next().then(own => own.answer(200, fields, 'for sid=1'))
    await app.whenWaiting(3)
    ask.answer(isStored ? 304 : 200, fields, 'for strangers')
    await answerMember
    t.equal((await member.answer()).body.toString(), 'for sid=1', title)
    for (const client of strangers) t.equal((await client.answer()).body.toString(), 'for strangers', title)
    t.equal(app.asked, isStored ? 3 : 2, title)
  }
})

t.test('a reload does not join an answer whose head came before it', async t => {
  for (const fields of [{ 'Cache-Control': 'no-cache' }, { 'Cache-Control': 'max-age=0' }, { Pragma: 'no-cache' }]) {
    const app = await rig(t)
    const first = app.open()
    const ask = await app.next()
    ask.begin(200, fresh()).chunk('old ')
    await first.until(text => text.includes('old '))
    const joined = app.open()
    await app.whenWaiting(2)
    const reload = app.open('/x', fields)
    const other = await app.next(1_000).catch(() => null)
    other?.answer(200, fresh(), 'new')
    ask.chunk('body').end()
    t.equal((await reload.answer()).body.toString(), 'new', JSON.stringify(fields))
    for (const client of [first, joined]) t.equal((await client.answer()).body.toString(), 'old body')
  }
})

t.test('a clock that is set sends nobody away from what is on its way', async t => {
  const app = await rig(t)
  const clients = openMany(t, app, 3)
  const ask = await app.next()
  await app.whenWaiting(3)
  t.intercept(Date, 'now', { value: () => performance.timeOrigin + performance.now() + 3_600_000 })
  t.ok(await staysAt(() => app.asked, 1, 600), 'through two sweeps')
  // The hour counts for its age: longer than that it is fresh.
  ask.answer(200, fresh({ 'Cache-Control': 'max-age=86400' }), 'body')
  for (const got of await answers(clients)) t.equal(got.body.toString(), 'body')
})

t.test('nobody joins an answer that has stood still for long', async t => {
  const app = await rig(t)
  const [first] = openMany(t, app, 1)
  const stuck = await app.next()
  stuck.socket.write('HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 10\r\n\r\nhalf')
  await first!.until(text => text.endsWith('half'))
  t.equal(openMany(t, app, 1).length, 1)
  t.ok(await staysAt(() => app.asked, 1), 'who comes soon shares it')
  await new Promise(wake => setTimeout(wake, 7_000))
  const late = app.get()
  ;(await app.next()).answer(200, fresh(), 'whole')
  t.equal((await late).body.toString(), 'whole')
})
