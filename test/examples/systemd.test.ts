/** The systemd unit of examples/: what systemd itself says of it, and that it names what the gateway has. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'

const unit = readFileSync(fileURLToPath(new URL('../../examples/systemd/hearthgate.service', import.meta.url)), 'utf8')
const skip =
  spawnSync('systemd-analyze', ['--version']).status === 0
    ? false
    : 'systemd-analyze is not in PATH: apt-get install systemd'

/** Worst level of exposure that is allowed, in tenths; 18 when it was written. */
const MOST_EXPOSED = 25

/** The unit as a file, with a Node and a program that are there. */
function unitFile(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'hearthgate-unit-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'hearthgate.service')
  writeFileSync(file, unit.replaceAll('/usr/bin/node', process.execPath))
  return file
}

t.test('systemd finds nothing wrong with it', { skip }, async t => {
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', unitFile(t)], { encoding: 'utf8' })
  t.equal(status, 0, stderr)
  t.notMatch(stderr, 'hearthgate.service')
})

t.test('it is shut in', { skip }, async t => {
  const args = ['security', '--offline=true', `--threshold=${MOST_EXPOSED}`, unitFile(t)]
  const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' })
  // Versions before 250 look at running units only.
  if (/unrecognized option/.test(stderr)) return t.comment('this systemd cannot judge a file')
  t.equal(status, 0, stdout.split('\n').slice(-3).join('\n') + stderr)
})

t.test('it waits for a drain, and not for a configuration that cannot be used', async t => {
  const setting = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1]
  t.ok(Number(setting('TimeoutStopSec')) > 30)
  t.equal(setting('RestartPreventExitStatus'), '78')
  t.match(setting('ExecStart'), /dist\/gateway\/main\.js start --config /)
  t.not(setting('User'), 'root')
})
