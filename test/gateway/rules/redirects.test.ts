import t from 'tap'
import { appBase, pathInApp } from '../../../gateway/rules/app-path.ts'
import { compileRedirects } from '../../../gateway/rules/redirects.ts'

const site = { proto: 'https', host: 'a.test:8443' }

t.test('a redirect holds for its path in any spelling, and for nothing below it', async t => {
  const redirects = compileRedirects({ '/.well-known/caldav': '/dav/', '/old': 'https://new.test/' }, '/cloud')
  const find = (path: string) => redirects?.(path, '', site)
  t.equal(find('/.well-known/caldav'), 'https://a.test:8443/cloud/dav/')
  t.equal(find('/.well-known/caldav/'), 'https://a.test:8443/cloud/dav/')
  t.equal(find('/.well-known/c%61ldav'), 'https://a.test:8443/cloud/dav/')
  t.equal(find('/.well-known/caldav/x'), null)
  t.equal(find('/old'), 'https://new.test/')
  t.equal(find('/%zz/../..'), null)
  t.equal(compileRedirects({}, ''), null)
})

t.test('a location keeps the query, in front of a fragment', async t => {
  const redirects = compileRedirects(
    { '/a': '/dav/', '/b': 'https://b.test/?y=2', '/c': 'https://b.test/#/home?z=1', '/d': 'https://b.test/?y#/home' },
    '',
  )
  const find = (path: string, query = '?x=1') => redirects?.(path, query, site)
  t.equal(find('/a'), 'https://a.test:8443/dav/?x=1')
  t.equal(find('/a', ''), 'https://a.test:8443/dav/')
  t.equal(find('/b'), 'https://b.test/?y=2')
  t.equal(find('/c'), 'https://b.test/?x=1#/home?z=1')
  t.equal(find('/d'), 'https://b.test/?y#/home')
})

t.test('nobody is sent where he is', async t => {
  const redirects = compileRedirects({ '/dav': '/dav/', '/': '/', '/x': 'https://a.test:8443/cloud/x' }, '/cloud')
  const find = (path: string, at = site) => redirects?.(path, '?x=1', at)
  t.equal(find('/dav'), 'https://a.test:8443/cloud/dav/?x=1')
  t.equal(find('/dav/'), null)
  t.equal(find('/'), null)
  t.equal(find('/x'), null)
  t.equal(find('/x', { proto: 'http', host: 'a.test' }), 'https://a.test:8443/cloud/x?x=1')
})

const places: [path: string, rewritePath: string | null, sent: string, inApp: string][] = [
  ['/', null, '/api', '/api'],
  ['/cloud', null, '/cloud/api', '/api'],
  ['/cloud', null, '/cloud', '/'],
  ['/cloud', '/', '/api', '/api'],
  ['/cloud', '/base', '/base/api', '/api'],
  ['/', '/base', '/base/', '/'],
]

for (const [path, rewritePath, sent, inApp] of places) {
  t.test(`${sent} of a route at ${path} with rewrite_path ${rewritePath} is ${inApp} of its app`, async t => {
    t.equal(pathInApp(appBase({ match: { hosts: [], path }, rewritePath }), sent), inApp)
  })
}
