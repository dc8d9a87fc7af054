/** A wall clock that jumps while the gateway serves, as after a start without a battery: nothing stalls, nothing stale looks fresh. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { eventually, get, originFor, route } from '../gateway/support.ts'
import { base } from '../support/gateway.ts'
import { gatewayProcess } from '../support/gateway-process.ts'
import { exchange, RawClient } from '../support/raw-client.ts'
import { answer } from '../support/raw-origin.ts'

const DAY_MS = 86_400_000

/** A gateway of its own for each jump, with a cache that holds one answer for an hour. */
async function rig(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'hearthgate-clock-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const clock = join(folder, 'offset')
  writeFileSync(clock, '0')
  let version = 0
  const origin = await originFor(t, (request, socket) => {
    if (request.target === '/slow') setTimeout(() => socket.write(answer(200, {}, 'slow')), 600)
    else socket.write(answer(200, { 'Cache-Control': 'max-age=3600' }, `version ${++version}`))
  })
  const kept = { options: process.env['NODE_OPTIONS'], clock: process.env['HG_CLOCK'] }
  process.env['NODE_OPTIONS'] = `--import=${new URL('shifted-clock.mjs', import.meta.url).href}`
  process.env['HG_CLOCK'] = clock
  try {
    const yaml = `${base.replace('level: silent', 'level: warn')}store: disk:./cache\nroutes:\n${route('app', '/', origin.url)}`
    const gateway = await gatewayProcess(t, yaml)
    return { gateway, origin, jump: (ms: number) => writeFileSync(clock, String(ms)) }
  } finally {
    if (kept.options === undefined) delete process.env['NODE_OPTIONS']
    else process.env['NODE_OPTIONS'] = kept.options
    delete process.env['HG_CLOCK']
  }
}

for (const [name, offset] of [
  ['forward by ten days', 10 * DAY_MS],
  ['back by ten days', -10 * DAY_MS],
] as const) {
  t.test(`the clock jumps ${name}`, async t => {
    const { gateway, jump } = await rig(t)
    const ask = (path: string) => exchange(gateway.port, get(path))
    t.equal((await ask('/page')).body.toString(), 'version 1')
    await eventually(async () => /hit/.test((await ask('/page')).headers['cache-status'] ?? ''))
    const slow = new RawClient(gateway.port).send(get('/slow'))
    const idle = new RawClient(gateway.port).send(get('/page'))
    await idle.answer()
    jump(offset)
    // The clock is read every 10 ms; that it is at all shows in what is stale.
    await pause(100)

    t.equal((await slow.answer()).body.toString(), 'slow', 'a request under way is not cut by it')
    t.equal((await idle.send(get('/page')).answer()).status, 200, 'a kept connection is still kept')
    const { headers, status, body } = await ask('/page')
    t.equal(status, 200)
    t.ok(Number(headers['age'] ?? 0) >= 0, `age ${headers['age']}`)
    // Forward it is stale, and has been asked for anew. Back its age is not known: it must not be fresh for ten days more.
    if (offset > 0) t.not(body.toString(), 'version 1')
    else {
      const ttl = Number(/ttl=(-?\d+)/.exec(headers['cache-status'] ?? '')?.[1] ?? 0)
      t.ok(ttl <= 3600, `fresh for ${ttl} s`)
    }
    jump(0)
    await pause(50)
    t.equal((await ask('/page')).status, 200, 'and back again')
    t.equal(gateway.child.exitCode, null, gateway.log())
  })
}
