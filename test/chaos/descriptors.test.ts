/** A gateway that has run out of file descriptors: it says so, what it answers is right, and it serves again afterwards. */
import { execFileSync, spawnSync } from 'node:child_process'
import t from 'tap'
import { eventually, get, originFor, route } from '../gateway/support.ts'
import { base } from '../support/gateway.ts'
import { gatewayProcess } from '../support/gateway-process.ts'
import { exchange, type RawAnswer, RawClient } from '../support/raw-client.ts'
import { answer } from '../support/raw-origin.ts'

/** Descriptors that are left to it. */
const LEFT = 24
const hasPrlimit = spawnSync('prlimit', ['--version'], { stdio: 'ignore' }).status === 0
const skip = hasPrlimit ? false : 'needs prlimit: apt-get install util-linux'

t.test(
  'without descriptors: errors that tell the truth, a line in the log, and service afterwards',
  { skip },
  async t => {
    const origin = await originFor(t, (request, socket) => {
      if (request.target === '/held') return
      socket.write(answer(200, { 'Cache-Control': 'no-store' }, `you asked for ${request.target}`))
    })
    const yaml = `${base.replace('level: silent', 'level: warn')}routes:\n${route('app', '/', origin.url)}`
    const gateway = await gatewayProcess(t, yaml)
    t.equal((await exchange(gateway.port, get('/before'))).status, 200)
    const limit = gateway.descriptors() + LEFT
    execFileSync('prlimit', ['--pid', String(gateway.child.pid), `--nofile=${limit}:${limit}`])

    const held = Array.from({ length: 3 * LEFT }, () => new RawClient(gateway.port).send(get('/held')))
    t.teardown(() => held.forEach(client => void client.close()))
    await eventually(() => gateway.descriptors() >= limit - 2)
    const during: (RawAnswer | null)[] = []
    for (let i = 0; i < 20; i++) during.push(await exchange(gateway.port, get(`/during${i}`)).catch(() => null))
    for (const [i, answered] of during.entries()) {
      if (answered === null) continue
      if (answered.status === 200) t.equal(answered.body.toString(), `you asked for /during${i}`)
      else t.ok(answered.status >= 502 && answered.status <= 504, `answered ${answered.status}`)
    }
    t.equal(gateway.child.exitCode, null, gateway.log())
    await eventually(() => /file descriptors/.test(gateway.log()))

    for (const client of held) client.close()
    await eventually(
      async () => (await exchange(gateway.port, get('/after')).catch(() => null))?.status === 200,
      15_000,
    )
    const body = (await exchange(gateway.port, get('/after'))).body.toString()
    t.equal(body, 'you asked for /after')
  },
)
