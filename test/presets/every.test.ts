/** What holds for every preset, whatever its app is. */
import t from 'tap'
import { presetNames } from '../../gateway/config/presets.ts'
import { models } from './model.ts'
import { openRig } from './rig.ts'

const identities = ['Remote-User', 'X-Remote-User', 'X-Webauth-User', 'X-Forwarded-User', 'X-Authentik-Username']

for (const name of presetNames()) {
  t.test(`behind the preset ${name}`, async t => {
    const { app, ask } = await openRig(t, name)

    await t.test('the app learns who called it, by which name and scheme', async t => {
      t.equal((await ask('app.test', 'GET', '/', { headers: { 'X-Forwarded-For': '6.6.6.6' } })).status, 200)
      t.match(app.seen.at(-1)?.headers, {
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-host': 'app.test',
        'x-forwarded-proto': 'http',
        'x-real-ip': '127.0.0.1',
      })
    })

    await t.test('a client cannot say who it is', async t => {
      const headers = Object.fromEntries(identities.map(field => [field, 'admin']))
      await ask('app.test', 'GET', '/', { headers })
      t.notOk(app.seen.at(-1)?.rawHeaders.includes('admin'))
    })

    await t.test('an answer for one person is not given to another', async t => {
      let count = 0
      app.script = (_request, response) => {
        response.writeHead(200, { 'Cache-Control': 'private, max-age=600' }).end(`for ${++count}`)
      }
      t.equal((await ask('app.test', 'GET', '/mine')).body.toString(), 'for 1')
      t.equal((await ask('app.test', 'GET', '/mine')).body.toString(), 'for 2')
    })

    await t.test('a page is asked for again', async t => {
      let count = 0
      app.script = (_request, response) => {
        response.writeHead(200, { 'Content-Type': 'text/html' }).end(`page ${++count}`)
      }
      for (const path of ['/', '/assets/gone.js?v=1', '/_app/immutable/gone.js']) {
        const before = count
        await ask('app.test', 'GET', path)
        await ask('app.test', 'GET', path)
        t.equal(count, before + 2, path)
      }
    })
  })
}

const refusing = presetNames().filter(name => models[name]?.check !== undefined && name !== 'tiddlywiki')

for (const name of refusing) {
  t.test(`the emulator of ${name} refuses what comes without a gateway`, async t => {
    const { app } = await openRig(t, name)
    const headers = { Origin: 'http://elsewhere.test', 'Content-Type': 'application/x-www-form-urlencoded' }
    const path = name === 'uptime-kuma' ? '/socket.io/' : '/'
    const url = name === 'transmission' || name === 'syncthing' ? app.url.replace('127.0.0.1', 'localhost') : app.url
    t.ok((await fetch(url + path, { method: 'POST', headers, body: 'a=b' })).status >= 400)
  })
}
