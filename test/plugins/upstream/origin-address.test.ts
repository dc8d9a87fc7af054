import fc from 'fast-check'
import t from 'tap'
import { parseOrigin } from '../../../plugins/upstream/origin-address.ts'

t.test('an origin is read into what the connection needs', async t => {
  const cases: [string, object][] = [
    [
      'http://wiki:3000',
      { protocol: 'http', host: 'wiki', port: 3000, authority: 'wiki:3000', isName: true, socketPath: null },
    ],
    ['http://wiki', { protocol: 'http', port: 80, authority: 'wiki' }],
    ['http://wiki/', { port: 80, authority: 'wiki' }],
    ['http://wiki:80', { port: 80, authority: 'wiki' }],
    ['https://wiki', { protocol: 'https', port: 443, authority: 'wiki' }],
    ['https://wiki:8443', { protocol: 'https', port: 8443, authority: 'wiki:8443' }],
    ['h2c://grpc:50051', { protocol: 'h2c', host: 'grpc', port: 50_051, authority: 'grpc:50051', isName: true }],
    ['http://192.168.1.5:81', { host: '192.168.1.5', port: 81, isName: false }],
    ['http://[::1]:82', { host: '::1', port: 82, authority: '[::1]:82', isName: false }],
    ['https://[fd00::1]', { host: 'fd00::1', port: 443, authority: '[fd00::1]', isName: false }],
    ['HTTP://WIKI:3000', { protocol: 'http', host: 'wiki' }],
    [
      'unix:/run/app.sock',
      { protocol: 'http', socketPath: '/run/app.sock', host: 'localhost', authority: 'localhost', isName: false },
    ],
    ['unix:///run/app.sock', { socketPath: '/run/app.sock' }],
    ['unix:/run/with space?.sock', { socketPath: '/run/with space?.sock' }],
  ]
  for (const [url, wanted] of cases) t.match(parseOrigin(url), { url, ...wanted }, url)
})

t.test('everything beyond scheme, host and port is refused', async t => {
  const cases = [
    'http://wiki/base',
    'http://wiki?x=1',
    'http://wiki#x',
    'http://user@wiki',
    'http://user:secret@wiki',
    'http://:secret@wiki',
    'ftp://wiki',
    'ws://wiki',
    'file:///etc/passwd',
    'wiki:3000',
    'wiki',
    '',
    'http://',
    'http://wiki:99999',
    'unix:run/app.sock',
    'unix:',
    'h2c:/wiki/x',
  ]
  for (const url of cases) t.throws(() => parseOrigin(url), { name: 'TypeError' }, url)
})

t.test('any host and port come back as they were given', async () => {
  const port = fc.integer({ min: 1, max: 65_535 })
  const scheme = fc.constantFrom('http', 'https', 'h2c')
  fc.assert(
    fc.property(scheme, fc.ipV4(), port, (protocol, host, number) => {
      const read = parseOrigin(`${protocol}://${host}:${number}`)
      return read.protocol === protocol && read.host === host && read.port === number && !read.isName
    }),
  )
  fc.assert(
    fc.property(scheme, fc.domain(), port, (protocol, host, number) => {
      const read = parseOrigin(`${protocol}://${host}:${number}`)
      return read.host === host.toLowerCase() && read.port === number && read.isName
    }),
  )
})
