/** The last requests and why, of all workers: whichever served a request, the one admin page knows of it. */
import { PassThrough } from 'node:stream'
import t from 'tap'
import type { ShownRequest } from '../../../gateway/admin/requests.ts'
import { run } from '../../../gateway/cli/index.ts'
import { exchange } from '../../support/raw-client.ts'
import { eventually, get } from '../support.ts'
import { twoWorkers } from './rig.ts'

const REQUESTS = 6

t.test('the list and the why know requests of every worker', async t => {
  const { gateway } = await twoWorkers(t)
  const ask = async (path: string) => (await fetch(`${gateway.admin}${path}`)).json()
  const ids: string[] = []
  for (let i = 0; i < REQUESTS; i++) {
    const { headers } = await exchange(gateway.port, get(`/page/${i}`))
    ids.push(headers['x-request-id'] as string)
    // A request is over when its connection says so, which one worker may hear later than the other serves the next.
    await eventually(async () => ((await ask('/api/requests')) as unknown[]).length === ids.length)
  }
  const prefixes = new Set(ids.map(id => id.split('-')[0]))
  t.equal(prefixes.size, 2, 'both have served')
  const list = (await ask('/api/requests')) as ShownRequest[]
  t.strictSame(list.map(({ id }) => id).toReversed(), ids, 'the youngest first')
  for (const id of ids)
    t.match(await ask(`/api/explain?id=${id}`), { request: { id }, explanation: { route: { name: 'app' } } })
  t.match(await ask('/api/explain?id=nobody'), { error: /no request of this id/ })
  t.match(await ask('/api/explain?url=http://a/x'), { route: { name: 'app' } })
  t.match(await ask('/api/requests?text=/page/3'), [{ id: ids[3] }])
  const after = list[2]?.number
  const younger = (await ask(`/api/requests?after=${after}`)) as ShownRequest[]
  t.strictSame(
    younger.map(({ id }) => id),
    list.slice(0, 2).map(({ id }) => id),
  )
  t.equal((await fetch(`${gateway.admin}/api/requests?text=a&text=b`)).status, 400)
})

t.test('explain --live finds what it sent, whichever worker it came to', async t => {
  const { gateway } = await twoWorkers(t)
  for (let i = 0; i < 4; i++) {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const args = ['explain', 'GET', `http://a/live/${i}`, '--live', '--config', gateway.file, '--admin', gateway.admin]
    const code = await run(args, { cwd: gateway.folder, env: {}, stdin: new PassThrough(), stdout, stderr } as never)
    t.equal(code, 0, String(stderr.read()))
    t.match(String(stdout.read()), /WHAT HAPPENED[\s\S]*answer +200/)
  }
})
