/** The dashboard and the alert rules: they name metrics that there are, and rules fire when they should. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { stringify } from 'yaml'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (file: string): string => readFileSync(root + file, 'utf8')
const EXPIRY = 'hearthgate_certificate_expiry_timestamp_seconds'
const DAY = 86_400

interface Panel {
  readonly id: number
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets: readonly { readonly expr: string }[]
}
const { panels } = JSON.parse(read('examples/grafana-dashboard.json')) as { panels: Panel[] }

t.test('every metric of the dashboard and of the rules is one of docs/metrics.md', async t => {
  const known = new Set(read('docs/metrics.md').match(/hearthgate_\w+/g))
  const used = (read('examples/grafana-dashboard.json') + read('examples/alerts.yaml')).match(/hearthgate_\w+/g) ?? []
  t.ok(used.length > 20)
  for (const name of new Set(used)) t.ok(known.has(name) || known.has(name.replace(/_(bucket|sum|count)$/, '')), name)
})

t.test('no two panels stand in one place or have one id', async t => {
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  const overlaps = (one: Panel['gridPos'], other: Panel['gridPos']): boolean =>
    one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h
  for (const one of panels) {
    t.strictSame(
      panels.filter(other => other !== one && overlaps(one.gridPos, other.gridPos)).map(({ title }) => title),
      [],
      one.title,
    )
  }
})

t.test('a panel shows the time that each certificate has left', async t => {
  const [panel, ...more] = panels.filter(({ targets }) => targets.some(({ expr }) => expr.includes(EXPIRY)))
  t.equal(more.length, 0)
  t.equal(panel?.targets[0]?.expr, `min by (certificate) (${EXPIRY}) - time()`)
})

const withoutPromtool =
  spawnSync('promtool', ['--version']).status !== 0 && 'promtool is not in PATH: apt-get install prometheus'

t.test(
  'the certificate alerts fire for one that nobody renews, and not for one that is',
  { skip: withoutPromtool },
  async t => {
    const folder = mkdtempSync(join(tmpdir(), 'hearthgate-rules-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    writeFileSync(join(folder, 'alerts.yaml'), read('examples/alerts.yaml'))
    const alert = (severity: string, left: string) => ({
      exp_labels: { severity, certificate: 'forgotten' },
      exp_annotations: { summary: `The certificate of forgotten runs out in ${left}` },
    })
    const at = (days: number, alertname: string, exp_alerts: readonly object[]) => ({
      eval_time: `${days * 24}h`,
      alertname,
      exp_alerts,
    })
    const [warning, critical] = ['HearthgateCertificateRunsOut', 'HearthgateCertificateRunsOutToday'] as const
    writeFileSync(
      join(folder, 'test.yaml'),
      stringify({
        rule_files: ['alerts.yaml'],
        evaluation_interval: '30m',
        tests: [
          {
            // Prometheus sees no sample that is older than five minutes.
            interval: '5m',
            input_series: [
              // Renewed by the local CA after 224 hours, a third of 14 days before the end.
              {
                series: `${EXPIRY}{certificate="local"}`,
                values: `${14 * DAY}x${224 * 12 - 1} ${14 * DAY + 224 * 3600}x${260 * 12}`,
              },
              { series: `${EXPIRY}{certificate="forgotten"}`, values: `${30 * DAY}x${720 * 12}` },
            ],
            alert_rule_test: [
              at(9, warning, []),
              at(15, warning, []),
              at(17, warning, [alert('warning', '13d 0h 0m 0s')]),
              at(17, critical, []),
              at(29.5, critical, [alert('critical', '12h 0m 0s')]),
            ],
          },
        ],
      }),
    )
    const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', 'test.yaml'], {
      cwd: folder,
      encoding: 'utf8',
    })
    t.equal(status, 0, stdout + stderr)
  },
)
