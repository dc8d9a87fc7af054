/**
 * A real Prometheus scrapes the whole gateway under load: every scrape succeeds, and what it knows afterwards is what the
 * clients counted.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { findCommand } from '../apps/processes.ts'
import { folderOf } from '../support/folder.ts'
import { freePort } from '../support/free-ports.ts'
import { type GatewayProcess, gatewayProcess } from '../support/gateway-process.ts'
import { RawClient } from '../support/raw-client.ts'
import { answer } from '../support/raw-origin.ts'
import { eventually, get, originFor, route } from './support.ts'
import { two } from './workers/rig.ts'

const isMissing = findCommand('prometheus') === undefined || findCommand('promtool') === undefined
const skip = isMissing ? 'Prometheus is missing: apt-get install prometheus' : false
const CLIENTS = 8
const SCRAPES = 3

/** With a scrape every two seconds; resolves when it answers. */
async function startPrometheus(t: Test, admin: string): Promise<(query: string) => Promise<number>> {
  const folder = folderOf(t)
  const port = await freePort()
  const file = join(folder, 'prometheus.yml')
  const { host } = new URL(admin)
  writeFileSync(
    file,
    `global: { scrape_interval: 2s, scrape_timeout: 2s }
scrape_configs:
  - job_name: hearthgate
    static_configs: [{ targets: ['${host}'] }]
`,
  )
  const args = [`--config.file=${file}`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=127.0.0.1:${port}`]
  const child: ChildProcess = spawn('prometheus', args, { stdio: 'ignore' })
  t.teardown(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  const base = `http://127.0.0.1:${port}`
  const isReady = () =>
    fetch(`${base}/-/ready`)
      .then(({ ok }) => ok)
      .catch(() => false)
  await eventually(isReady)
  return async query => {
    const told = await fetch(`${base}/api/v1/query?query=${encodeURIComponent(query)}`)
    const { data } = (await told.json()) as { data: { result: { value: [number, string] }[] } }
    return Number(data.result[0]?.value[1] ?? Number.NaN)
  }
}

/**
 * Asks again and again on kept connections until it is told to stop; resolves to how many were answered. A breath between
 * two requests leaves the processors to who scrapes, and to the other tests.
 */
function load({ port }: GatewayProcess): { stop(): Promise<number> } {
  let isOver = false
  const client = async () => {
    const socket = new RawClient(port)
    let answered = 0
    for (; !isOver; answered++) {
      const { status } = await socket.send(get(`/page/${answered % 50}`)).answer()
      if (status !== 200) throw new Error(`answered ${status}`)
      await sleep(5)
    }
    socket.close()
    return answered
  }
  const clients = Promise.all(Array.from({ length: CLIENTS }, client))
  return {
    stop: async () => {
      isOver = true
      return (await clients).reduce((sum, each) => sum + each, 0)
    },
  }
}

for (const [workers, config] of [
  ['one process', two.replace('workers: 2\n', '')],
  ['two processes', two],
] as const) {
  t.test(`Prometheus scrapes the gateway under load: ${workers}`, { skip, timeout: 200_000 }, async t => {
    const origin = await originFor(t, (_request, socket) => {
      socket.write(answer(200, { 'Cache-Control': 'max-age=1' }, 'hello'))
    })
    const gateway = await gatewayProcess(t, `${config}routes:\n${route('app', '/', origin.url)}`)
    const query = await startPrometheus(t, gateway.admin)
    const running = load(gateway)
    await eventually(async () => (await query('sum(count_over_time(up[1m]))')) >= SCRAPES, 60_000)
    t.equal(await query('min(min_over_time(up[1m]))'), 1, 'no scrape failed')
    t.ok((await query('sum(rate(hearthgate_requests_total[20s]))')) > 0, 'the numbers moved while it looked')
    const answered = await running.stop()
    await eventually(async () => (await query('sum(hearthgate_requests_total{route="app"})')) === answered)
    t.equal(await query('sum(hearthgate_request_duration_seconds_count{route="app"})'), answered)
    t.equal(await query('sum(hearthgate_upstream_attempts_total{upstream="app"})'), origin.requests.length)
    const text = await (await fetch(`${gateway.admin}/metrics`)).text()
    const checked = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
    t.equal(checked.status, 0, checked.stderr)
  })
}

t.test('the rules for alerts are such', { skip }, async t => {
  const checked = spawnSync('promtool', ['check', 'rules', 'examples/alerts.yaml'], { encoding: 'utf8' })
  t.equal(checked.status, 0, checked.stderr)
})
