import { PassThrough } from 'node:stream'
import t from 'tap'
import { run } from '../../../gateway/cli/index.ts'

async function said(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const cwd = t.testdir({ 'other.yaml': 'routes: [{ name: only, upstream: http://127.0.0.1:1 }]' })
  const code = await run(argv, { stdout, stderr, cwd, env: {}, color: false })
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') }
}

t.test('a word that was mistyped is answered with the nearest one, in two lines', async t => {
  for (const [written, meant] of [
    ['strat', 'start'],
    ['explian', 'explain'],
    ['versoin', 'version'],
  ]) {
    const { code, out, err } = await said(written!, '--partial')
    t.equal(code, 64)
    t.equal(out, '')
    t.strictSame(err.split('\n'), [
      `hearthgate: there is no command "${written}", did you mean "${meant}"`,
      '"hearthgate help" lists all commands and options.',
      '',
    ])
  }
  t.match(await said('frobnicate'), { code: 64, err: /there is no command "frobnicate"\n/ })
})

t.test('an option as well', async t => {
  t.match(await said('start', '--confg', 'x.yaml'), { code: 64, err: /"--confg", did you mean "--config"\n/ })
  t.match(await said('start', '-x'), { code: 64, err: /there is no option "-x"\n/ })
  t.match(await said('check', '--config'), { code: 64, err: /--config/ })
})

t.test('what people write by habit works', async t => {
  t.match(await said('routes', '-c', 'other.yaml'), { code: 0, out: /only/ })
  const { out } = await said('version')
  t.match(out, /^\d+\.\d+\.\d+\n$/)
  for (const word of ['-v', '--version']) t.strictSame(await said(word), { code: 0, out, err: '' })
  for (const word of ['help', '-h', '--help']) t.match(await said(word), { code: 0, out: /hearthgate start/ })
})

t.test('a file without its option is no reason to read another one', async t => {
  for (const command of ['start', 'check', 'routes', 'stats', 'trust']) {
    t.match(await said(command, 'x.yaml'), { code: 64, err: /takes no words by themselves: write --config x\.yaml\n/ })
  }
  t.match(await said('report', '7d'), { code: 64, err: /report takes no words by themselves\n/ })
})

t.test('of two addresses one is not left out in silence', async t => {
  t.match(await said('explain', 'GET', 'http://a.home.arpa/', 'http://b.home.arpa/', '-c', 'other.yaml'), { code: 64 })
})
