import fc from 'fast-check'
import t from 'tap'
import type { AccessEntry } from '../../../plugins/access-log/index.ts'
import { redactUrl } from '../../../plugins/access-log/index.ts'
import { combinedLine, makeJsonLine } from '../../../plugins/access-log/line.ts'
import { isSecretParameter } from '../../../plugins/access-log/secret-names.ts'

t.test('secrets in a URL are hidden, all else stays', async t => {
  const cases: [string, string][] = [
    ['/', '/'],
    ['/photos/a%20b?page=2&limit=10', '/photos/a%20b?page=2&limit=10'],
    ['/Videos/1/stream?api_key=abc&Static=true', '/Videos/1/stream?api_key=***&Static=true'],
    ['/a?ApiKey=x&APIKEY=y&x=1', '/a?ApiKey=***&APIKEY=***&x=1'],
    ['/rest/ping.view?u=joe&t=26719a&s=c19b2d&v=1.16&c=app', '/rest/ping.view?u=***&t=***&s=***&v=1.16&c=app'],
    ['/a?token', '/a?token'],
    ['/a?token=', '/a?token=***'],
    ['/a?token=a=b==&x=1', '/a?token=***&x=1'],
    ['/a?%74oken=abc', '/a?%74oken=***'],
    ['/a?%2574%256Fken=abc', '/a?%2574%256Fken=***'],
    ['/a?%u0074oken=abc', '/a?%u0074oken=***'],
    ['/a?+token=abc&%20token=abc', '/a?+token=***&%20token=***'],
    ['/a?token%00x=abc', '/a?token%00x=***'],
    ['/a?access-token=1&accessToken=2&access.token=3', '/a?access-token=***&accessToken=***&access.token=***'],
    ['/a?user[password]=1&keys[]=2&key[]=3', '/a?user[password]=***&keys[]=2&key[]=***'],
    ['/a?user%5Bpassword%5D=1', '/a?user%5Bpassword%5D=***'],
    ['/a?x=1;token=abc;y=2&z=3', '/a?x=1;token=***&z=3'],
    ['/a?x=b?token=abc', '/a?x=b?token=***'],
    ['/a;token=abc/b;v=1?x=2', '/a;token=***/b;v=1?x=2'],
    ['/a;jsessionid=abc?x=2', '/a;jsessionid=***?x=2'],
    ['/token=abc/x', '/token=***/x'],
    ['/a?password=x;y?z#w&b=1', '/a?password=***&b=1'],
    ['/a?next=%2Fb%3Ftoken%3Dabc%26x%3D1&y=2', '/a?next=***&y=2'],
    ['/a?next=%252Fb%253Ftoken%253Dabc', '/a?next=***'],
    ['/a?next=%2Fb%3Fpage%3D2', '/a?next=%2Fb%3Fpage%3D2'],
    ['/a?next=/b?x=1', '/a?next=/b?x=1'],
    ['/a?data=abc==', '/a?data=abc=='],
    ['/a%3Ftoken%3Dabc', '/***'],
    ['/a?%25252525252574=1', '/a?%25252525252574=***'],
    ['http://joe:pw@nas/x?y=1', 'http://***@nas/x?y=1'],
    ['http://joe:p@w@nas/x', 'http://***@nas/x'],
    ['http://nas/@joe', 'http://nas/@joe'],
    ['joe:pw@nas:443', '***@nas:443'],
    ['/a?url=http://joe:pw@nas/', '/a?url=http://***@nas/'],
    ['/a?url=http%3A%2F%2Fjoe%3Apw%40nas%2F', '/a?url=***'],
    ['/a?mail=joe%40example.org', '/a?mail=joe%40example.org'],
    ['//joe@nas/x?y=1', '//joe@nas/x?y=1'],
    ['/share/Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4', '/share/Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4'],
    ['/a?%zz=1&%=2&%4=3', '/a?%zz=1&%=2&%4=3'],
    ['/a?X-Amz-Signature=abc&X-Plex-Token=def', '/a?X-Amz-Signature=***&X-Plex-Token=***'],
    ['', ''],
  ]
  for (const [url, expected] of cases) t.equal(redactUrl(url), expected, url)
})

t.test('redacting twice changes nothing more', async t => {
  for (const url of ['/a?token=abc&x=%2Fb%3Fkey%3D1', 'http://a:b@c/;key=1?d=e']) {
    t.equal(redactUrl(redactUrl(url)), redactUrl(url))
  }
})

const NAMES =
  'api_key apikey ApiKey token access_token refresh_token auth password pass pwd secret sig signature key code session jwt t s p u'.split(
    ' ',
  )

/** A listed name with any letters in the other case and any characters percent-encoded, once or twice. */
const spelledName = fc
  .tuple(fc.constantFrom(...NAMES), fc.array(fc.tuple(fc.boolean(), fc.nat(2)), { minLength: 20, maxLength: 20 }))
  .map(([name, ways]) =>
    [...name]
      .map((char, i) => {
        const [isUpper, layers] = ways[i] ?? [false, 0]
        const letter = isUpper ? char.toUpperCase() : char.toLowerCase()
        const escaped = `%${letter.charCodeAt(0).toString(16)}`
        return layers === 0 ? letter : layers === 1 ? escaped : escaped.replace('%', '%25')
      })
      .join(''),
  )

/** What a client might send as a secret; marked, so that it cannot stand elsewhere by chance. */
const secret = fc.string({ minLength: 1, maxLength: 30 }).map(text => `Qz${encodeURIComponent(text.toWellFormed())}7Wx`)

const place = fc.constantFrom<(pair: string) => string>(
  pair => `/a/b?${pair}`,
  pair => `/a/b?x=1&${pair}&y=2`,
  pair => `/a/b?x=1;${pair};y=2`,
  pair => `/a;${pair}/b?x=1`,
  pair => `/a?next=${encodeURIComponent(`/b?x=1&${pair}`)}&y=2`,
  pair => `/a?next=${encodeURIComponent(encodeURIComponent(`http://nas/?${pair}`))}`,
  pair => `/a?next=/b?${pair}`,
  pair => `http://nas/a?${pair}`,
  pair => `/a?q=%zz%&${pair}`,
)

const jsonLine = makeJsonLine()

function entryOf(url: string): AccessEntry {
  return {
    requestId: 'r1',
    host: 'nas',
    client: '192.0.2.1',
    route: null,
    upstream: null,
    attempts: 0,
    bytesIn: null,
    bytesOut: null,
    bytesRaw: null,
    queueMs: 0,
    encodeMs: 0,
    isLongHeld: false,
    firstByteMs: null,
    upstreamMs: null,
    cache: null,
    encoding: null,
    method: 'GET',
    url,
    protocol: 'h1',
    status: 200,
    outcome: 'ok',
    durationMs: 1,
    userAgent: null,
    referer: url,
  }
}

t.test('H5: a secret under any listed name, in any spelling and place, is in no line', async t => {
  fc.assert(
    fc.property(spelledName, secret, place, (name, value, build) => {
      const entry = entryOf(build(`${name}=${value}`))
      const lines = jsonLine(entry, 30, 0) + combinedLine(entry, 0)
      return !lines.includes('7Wx') && !lines.includes('Qz')
    }),
    { numRuns: 2000 },
  )
  t.pass('2000 runs')
})

t.test('H5: user and password of an absolute URL are in no line', async t => {
  const part = fc.string({ minLength: 1, maxLength: 12 }).map(text => encodeURIComponent(`Qz${text.toWellFormed()}`))
  fc.assert(
    fc.property(part, part, (user, password) => {
      const entry = entryOf(`http://${user}:${password}@nas/a?b=1`)
      return !(jsonLine(entry, 30, 0) + combinedLine(entry, 0)).includes('Qz')
    }),
    { numRuns: 300 },
  )
  t.pass('300 runs')
})

t.test('harmless names are no secrets', async t => {
  const names = [
    'page',
    'limit',
    'q',
    'keyword',
    'keys',
    'codec',
    'authors',
    'sort',
    'user',
    'id',
    'v',
    'tokens',
    '',
    '[]',
    '%',
  ]
  for (const name of names) t.equal(isSecretParameter(name), false, name)
})

t.test('a hostile URL of 16 KiB takes little time', async t => {
  const urls = [
    `${'/'.repeat(16_000)}=`,
    `/?${'a='.repeat(8000)}`,
    `${'://'.repeat(5000)}=`,
    `/?${'%25'.repeat(5000)}`,
    `/?${'a=%3D&'.repeat(2500)}`,
    'http://a@'.repeat(1700),
  ]
  const startedAt = performance.now()
  for (const url of urls) redactUrl(url)
  t.ok(performance.now() - startedAt < 1000)
})
