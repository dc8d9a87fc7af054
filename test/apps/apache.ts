// Apache as a file server: WebDAV with locks, addresses that it makes by itself without knowing of TLS, and git over smart
// HTTP, whose requests are gzip of git's own.
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type HomeApp, noFavicon, type Room, type Visit } from './app.ts'
import { environment, findCommand } from './processes.ts'
import { answers } from './wait.ts'
import { type Door, type Message, send } from './wire.ts'

const MODULES = ['mpm_event', 'authz_core', 'dav', 'dav_fs', 'dir', 'autoindex', 'alias', 'cgid', 'env', 'mime']
const GIT_MS = 30_000
const LOCK =
  '<?xml version="1.0"?><lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>'

export const apache: HomeApp = {
  name: 'apache',
  title: 'Apache with WebDAV and git',
  packages: {},
  commands: ['apache2', 'git'],
  preset: null,
  benign: noFavicon,

  async start({ state, logFile, port, programs }: Room) {
    const files = join(state, 'files')
    mkdirSync(join(files, 'papers'), { recursive: true })
    for (let i = 0; i < 40; i++) writeFileSync(join(files, 'papers', `paper ${i}.txt`), `paper ${i}\n`.repeat(500))
    const git = join(state, 'git')
    const made = spawnSync('git', ['init', '--quiet', '--bare', join(git, 'home.git')], { env: environment() })
    if (made.status !== 0) throw new Error(`git could not make a repository: ${made.stderr}`)
    spawnSync('git', ['-C', join(git, 'home.git'), 'config', 'http.receivepack', 'true'], { env: environment() })
    // Its workers are another user, if root starts it.
    spawnSync('chmod', ['-R', 'a+rwX', state])
    const config = join(state, 'httpd.conf')
    writeFileSync(config, configuration({ state, port, files, git }))
    const command = findCommand('apache2') ?? 'apache2'
    const args = ['-f', config, '-D', 'FOREGROUND']
    await programs.startReady({ name: 'Apache', command, args, logFile }, () => answers(port, '/'))
  },

  async ready(page) {
    await page.getByText('Index of /').first().waitFor()
    await page.waitForLoadState('networkidle')
  },

  async checks(t, visit) {
    const { door } = visit

    await t.test('a folder is opened by its name without a slash at the end', async t => {
      const { page } = await visit.openFrontPage()
      await page.goto(`${door.origin}/papers`)
      t.equal(page.url(), `${door.origin}/papers/`, 'the browser stays where it is')
      await page.getByText('paper 7.txt').first().waitFor()
      const { headers } = await send(door, { path: '/papers' })
      t.equal(headers['location'], `${door.origin}/papers/`)
    })
    await t.test('files are written, copied, moved and locked', t => checkFiles(t, door))
    await t.test('git pushes and clones 4 MB', t => checkGit(t, visit))
  },
}

async function checkFiles(t: Test, door: Door): Promise<void> {
  const folder = `/over-${door.name}/`
  const ask = async (method: string, name: string, more: Omit<Message, 'method' | 'path'> = {}) =>
    send(door, { method, path: folder + name, ...more })
  const to = (name: string) => ({ headers: { destination: `${door.origin}${folder}${name}`, overwrite: 'F' } })
  t.equal((await ask('MKCOL', '')).status, 201)
  t.equal((await ask('PUT', 'a.txt', { body: 'hello '.repeat(1_000) })).status, 201)
  t.equal((await ask('COPY', 'a.txt', to('b%20%C3%A4.txt'))).status, 201)
  t.equal((await ask('COPY', 'a.txt', to('b%20%C3%A4.txt'))).status, 412, 'it is there already')
  t.equal((await ask('MOVE', 'b%20%C3%A4.txt', to('c.txt'))).status, 201)
  t.equal((await ask('GET', 'c.txt')).body.toString(), 'hello '.repeat(1_000))
  t.match((await ask('PROPFIND', '', { headers: { depth: '1' } })).body.toString(), `${folder}c.txt`)
  const locked = await ask('LOCK', 'a.txt', { headers: { timeout: 'Second-60' }, body: LOCK })
  const token = String(locked.headers['lock-token'])
  t.equal((await ask('PUT', 'a.txt', { body: 'no' })).status, 423, 'without the token of the lock')
  const lists = { headers: { if: `<${door.origin}${folder}a.txt> (${token})` }, body: 'yes' }
  t.equal((await ask('PUT', 'a.txt', lists)).status, 204, 'with it, for the address that the client knows')
  t.equal((await ask('UNLOCK', 'a.txt', { headers: { 'lock-token': token } })).status, 204)
  t.equal((await ask('DELETE', '')).status, 204)
}

/** git asks for names by itself: `NAME.localhost` is told to it as 127.0.0.1. */
async function checkGit(t: Test, { door }: Visit): Promise<void> {
  const { hostname, port } = new URL(door.origin)
  const work = join(import.meta.dirname, '..', '..', '.apps', 'state', 'apache', `work-${door.name}`)
  const people = ['-c', 'user.name=Joe', '-c', 'user.email=joe@home.test']
  const net = ['-c', `http.curloptResolve=${hostname}:${port}:127.0.0.1`, '-c', 'http.sslVerify=false']
  // A small buffer: what is pushed goes as a body without a length.
  const git = (folder: string, ...args: string[]) =>
    run(['-C', folder, ...people, ...net, '-c', 'http.postBuffer=65536', ...args])
  mkdirSync(work, { recursive: true })
  const address = `${door.origin}/git/home.git`
  t.equal(await run(['init', '--quiet', '--initial-branch', door.name, join(work, 'mine')]), '')
  const bytes = Buffer.alloc(4_000_000).map((_byte, i) => (i * 2_654_435_761) >>> 13)
  writeFileSync(join(work, 'mine', 'film.bin'), bytes)
  t.equal(await git(join(work, 'mine'), 'add', '.'), '')
  t.equal(await git(join(work, 'mine'), 'commit', '--quiet', '--message', 'A film'), '')
  t.equal(await git(join(work, 'mine'), 'push', '--quiet', address, door.name), '', 'pushed')
  t.equal(await git(work, 'clone', '--quiet', '--branch', door.name, address, 'theirs'), '', 'cloned')
  t.equal(
    await run(['diff', '--no-index', '--stat', join(work, 'mine', 'film.bin'), join(work, 'theirs', 'film.bin')]),
    '',
  )
}

/** Empty when git is content, else what it says. */
function run(args: readonly string[]): Promise<string> {
  const child = spawn('git', args, { env: environment(), stdio: ['ignore', 'pipe', 'pipe'], timeout: GIT_MS })
  let told = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', piece => (told += piece))
  return new Promise(resolve => {
    child.once('error', error => resolve(error.message))
    child.once('close', code => resolve(code === 0 ? '' : `${code}: ${told}`))
  })
}

function configuration({
  state,
  port,
  files,
  git,
}: {
  state: string
  port: number
  files: string
  git: string
}): string {
  const load = MODULES.map(name => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`)
  return [
    `ServerRoot ${state}`,
    `PidFile ${join(state, 'apache.pid')}`,
    `Listen 127.0.0.1:${port}`,
    'ServerName apache.localhost',
    ...load,
    'User www-data',
    'Group www-data',
    `ErrorLog ${join(state, 'error.log')}`,
    'TypesConfig /etc/mime.types',
    `ScriptSock ${join(state, 'cgi.sock')}`,
    `DocumentRoot ${files}`,
    `DavLockDB ${join(state, 'locks')}`,
    `<Directory ${files}>`,
    'Require all granted',
    'Dav On',
    'Options +Indexes',
    '</Directory>',
    `SetEnv GIT_PROJECT_ROOT ${git}`,
    'SetEnv GIT_HTTP_EXPORT_ALL 1',
    'SetEnv REMOTE_USER joe',
    'SetEnv GIT_CONFIG_COUNT 1',
    'SetEnv GIT_CONFIG_KEY_0 safe.directory',
    'SetEnv GIT_CONFIG_VALUE_0 *',
    'ScriptAlias /git/ /usr/lib/git-core/git-http-backend/',
    '<Directory /usr/lib/git-core>',
    'Require all granted',
    '</Directory>',
    '',
  ].join('\n')
}
