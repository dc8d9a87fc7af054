/** The build of the gateway, on a package of three files. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
// @ts-expect-error a script without types
import { bundle } from '../../scripts/bundle.mjs'

t.test('a gateway that runs through a build finds the parts that it loads later', async t => {
  const root = t.testdir({
    'package.json': '{ "type": "module" }',
    gateway: { 'main.ts': `export const load = () => import('./part.ts')\n` },
    plugins: { cache: { stores: { disk: { 'index-thread.ts': '' } } } },
  })
  const outdir = join(root, 'dist', 'gateway')
  const build = async (version: number): Promise<Set<string>> => {
    writeFileSync(join(root, 'gateway', 'part.ts'), `export const version = ${version}\n`)
    await bundle(root)
    return new Set(readdirSync(outdir).filter(name => name.startsWith('joined-') && name.endsWith('.js')))
  }
  const first = await build(1)
  t.equal(first.size, 1)
  const loaded = await import(join(outdir, 'main.js'))
  mkdirSync(join(outdir, 'of-tsc'))
  const second = await build(2)
  t.equal(second.size, 2)
  t.ok([...first].every(name => second.has(name)))
  t.notOk(readdirSync(outdir).includes('of-tsc'), 'what is no part goes')
  t.equal((await loaded.load()).version, 1, 'the running one has its own part')
  const third = await build(3)
  t.equal(third.size, 2, 'parts of the build before the last are gone')
  t.notOk([...first].some(name => third.has(name)))
})
