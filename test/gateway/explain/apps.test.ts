import t from 'tap'
import { explainRequest } from '../../../gateway/explain/index.ts'
import { compileServing } from '../../../gateway/serving.ts'
import { configOf } from '../config/support.ts'

const serving = compileServing(
  configOf(`routes:
  - { name: cloud, match: { host: cloud.test }, upstream: http://10.0.0.9:80, preset: nextcloud }
  - { name: tv, match: { host: tv.test }, upstream: http://10.0.0.9:81, preset: jellyfin }
`),
  {},
)
const explain = (method: string, url: string, ...headers: [string, string][]) =>
  explainRequest(serving, { method, url, headers })

t.test('a redirect of the route is told', async t => {
  const { refusal, sent } = explain('PROPFIND', 'http://cloud.test/.well-known/caldav')
  t.match(refusal, { status: 301, message: 'to http://cloud.test/remote.php/dav/', detail: 'redirects of the route' })
  t.equal(sent, null)
})

t.test('a path that the cache never keeps is told', async t => {
  const { decisions } = explain('GET', 'http://cloud.test/remote.php/dav/a')
  t.match(decisions?.cache, {
    state: 'on',
    lookup: { happens: false, source: 'cache.never' },
    store: { possible: false },
  })
})

t.test('a Destination is shown as the app gets it, and its refusal too', async t => {
  const moved = explain('MOVE', 'https://cloud.test/remote.php/a', ['Destination', 'https://cloud.test/remote.php/b'])
  t.match(
    moved.sent?.request.added.find(({ name }) => name === 'Destination'),
    { value: 'http://cloud.test/remote.php/b', why: 'webdav.destination of the route' },
  )
  t.equal(explain('MOVE', 'http://cloud.test/a', ['Destination', 'a b']).refusal?.status, 400)
})

t.test('values with places are shown filled', async t => {
  const { sent } = explain('GET', 'https://tv.test/web/')
  t.match(
    sent?.request.added.find(({ name }) => name === 'X-Forwarded-Protocol'),
    { value: 'https' },
  )
})

t.test('what the preset hides is hidden', async t => {
  const { url, path } = explain('GET', 'http://cloud.test/s/SECRET')
  t.notMatch(url + path, /SECRET/)
})
