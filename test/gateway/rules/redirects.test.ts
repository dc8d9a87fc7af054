import t from 'tap'
import { appBase, pathInApp } from '../../../gateway/rules/app-path.ts'
import { compileRedirects, redirectLocation } from '../../../gateway/rules/redirects.ts'

t.test('a redirect holds for its path in any spelling, and for nothing below it', async t => {
  const find = compileRedirects({ '/.well-known/caldav': '/dav/', '/old': 'https://new.test/' }, '/cloud')
  t.equal(find?.('/.well-known/caldav'), '/cloud/dav/')
  t.equal(find?.('/.well-known/caldav/'), '/cloud/dav/')
  t.equal(find?.('/.well-known/c%61ldav'), '/cloud/dav/')
  t.equal(find?.('/.well-known/caldav/x'), null)
  t.equal(find?.('/old'), 'https://new.test/')
  t.equal(find?.('/%zz/../..'), null)
  t.equal(compileRedirects({}, ''), null)
})

t.test('a location is whole and keeps the query', async t => {
  const at = { proto: 'https', host: 'a.test:8443' }
  t.equal(redirectLocation('/dav/', '?x=1', at), 'https://a.test:8443/dav/?x=1')
  t.equal(redirectLocation('/dav/?y=2', '?x=1', at), 'https://a.test:8443/dav/?y=2')
  t.equal(redirectLocation('https://b.test/', '', at), 'https://b.test/')
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
