/** The report over the admin API: after a restart, and of several processes as one. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ToldReport } from '../../../gateway/admin/report.ts'
import { openGateway } from '../../../gateway/lifecycle.ts'
import { openLog } from '../../../gateway/log-target.ts'
import { base } from '../../support/gateway.ts'
import { gatewayProcess } from '../../support/gateway-process.ts'
import { exchange } from '../../support/raw-client.ts'
import { answer } from '../../support/raw-origin.ts'
import { eventually, get, originFor, route } from '../support.ts'
import { bodies, two } from '../workers/rig.ts'

const hello = (t: Test) => originFor(t, (_request, socket) => void socket.write(answer(200, {}, 'hello')))

async function told(admin: string, query = ''): Promise<ToldReport> {
  return (await (await fetch(`${admin}/api/report${query}`)).json()) as ToldReport
}

t.test('what was before a restart is in the report, each request once', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'hearthgate-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'gateway.yaml')
  writeFileSync(file, `${base}state_dir: ./kept\nroutes:\n${route('app', '/', (await hello(t)).url)}`)
  for (const expected of [3, 6]) {
    const gateway = await openGateway({ file, partial: false, log: openLog('silent') })
    const port = Number(new URL(gateway.listen[0] as string).port)
    for (let i = 0; i < 3; i++) t.equal((await exchange(port, get('/x'))).status, 200)
    const { report, sentences } = await told(gateway.admin, '?since=7d')
    t.match(report.routes, [{ route: 'app', requests: expected }])
    t.match(sentences, [/Too few requests to tell how fast: app/])
    await gateway.close(500)
  }
  t.ok(readdirSync(join(folder, 'kept')).includes('hours.json'))
})

t.test('several processes are one in it, each with a file of its own', async t => {
  const gateway = await gatewayProcess(t, `${two}routes:\n${route('app', '/', (await hello(t)).url)}`)
  await bodies(gateway.port, 8)
  await eventually(async () => (await told(gateway.admin)).report.routes[0]?.requests === 8)
  t.equal((await fetch(`${gateway.admin}/api/report?since=soon`)).status, 400)
  t.equal((await fetch(`${gateway.admin}/api/report?since=99999999999h`)).status, 200, 'longer than there are dates')
})
