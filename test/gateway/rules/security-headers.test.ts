/** Fields for browsers: what is filled in, and what of the app keeps it out. */
import t from 'tap'
import { addMissing, securityFills, withFills } from '../../../gateway/rules/security-headers.ts'

type Asked = Parameters<typeof securityFills>[0]
const all = { nosniff: true, referrer: 'strict-origin-when-cross-origin', frames: 'same_origin' } as const

function routeWith(
  securityHeaders: Asked['securityHeaders'],
  response: Partial<Asked['headers']['response']> = {},
): Asked {
  const none = { set: {}, remove: [] }
  return {
    securityHeaders,
    headers: {
      host: 'preserve',
      location: 'keep',
      cookiePath: 'keep',
      request: none,
      response: { ...none, ...response },
    },
  }
}

function added(sent: readonly string[], asked: Asked): string[] {
  const typed = ['content-type', 'text/html', ...sent]
  const fields = [...typed]
  addMissing(fields, securityFills(asked))
  t.strictSame(fields.slice(0, typed.length), typed, 'what the app sent stays as it was')
  return fields.slice(typed.length)
}

const NOSNIFF = ['X-Content-Type-Options', 'nosniff']
const REFERRER = ['Referrer-Policy', 'strict-origin-when-cross-origin']
const FRAMES = ['X-Frame-Options', 'SAMEORIGIN']
const CSP = 'Content-Security-Policy'

const cases: readonly (readonly [title: string, sent: readonly string[], asked: Asked, added: readonly string[]])[] = [
  ['an app that sends nothing', ['Server', 'x'], routeWith(all), [...NOSNIFF, ...REFERRER, ...FRAMES]],
  ['switched off', [], routeWith(false), []],
  ['each off', [], routeWith({ nosniff: false, referrer: 'off', frames: 'any' }), []],
  ['nobody', [], routeWith({ ...all, nosniff: false, referrer: 'off', frames: 'deny' }), ['X-Frame-Options', 'DENY']],
  [
    'an app that says all of it',
    ['x-content-type-options', 'x', 'REFERRER-POLICY', 'unsafe-url', 'x-frame-options', 'ALLOWALL'],
    routeWith(all),
    [],
  ],
  ['an empty value of the app', ['Referrer-Policy', ''], routeWith(all), [...NOSNIFF, ...FRAMES]],
  ['frame-ancestors', [CSP, "default-src 'self'; Frame-Ancestors *"], routeWith(all), [...NOSNIFF, ...REFERRER]],
  [
    'frame-ancestors, of the second policy of a list',
    [CSP, "img-src *,frame-ancestors 'none'"],
    routeWith(all),
    [...NOSNIFF, ...REFERRER],
  ],
  [
    'frame-ancestors, in the second line',
    [CSP, 'img-src *', CSP, 'frame-ancestors'],
    routeWith(all),
    [...NOSNIFF, ...REFERRER],
  ],
  ['a policy without it', [CSP, "default-src 'self'"], routeWith(all), [...NOSNIFF, ...REFERRER, ...FRAMES]],
  [
    'a directive that only looks like it',
    [CSP, 'report-uri /frame-ancestors; x-frame-ancestors a'],
    routeWith(all),
    [...NOSNIFF, ...REFERRER, ...FRAMES],
  ],
  [
    'a policy that only reports',
    [`${CSP}-Report-Only`, "frame-ancestors 'none'"],
    routeWith(all),
    [...NOSNIFF, ...REFERRER, ...FRAMES],
  ],
  [
    'a list of origins',
    [],
    routeWith({ ...all, nosniff: false, referrer: 'off', frames: ['https://dash.home.arpa', 'https://*.a:1'] }),
    [CSP, "frame-ancestors 'self' https://dash.home.arpa https://*.a:1"],
  ],
  [
    'a list beside a policy of the app',
    [CSP, "default-src 'self'"],
    routeWith({ ...all, nosniff: false, referrer: 'off', frames: [] }),
    [CSP, "frame-ancestors 'self'"],
  ],
  [
    'a list against a field of the app',
    ['X-Frame-Options', 'DENY'],
    routeWith({ ...all, frames: ['https://a'] }),
    [...NOSNIFF, ...REFERRER],
  ],
  [
    'what the route takes off stays off',
    [],
    routeWith(all, { remove: ['x-frame-options'] }),
    [...NOSNIFF, ...REFERRER],
  ],
  [
    'what the route sets is not said twice',
    [],
    routeWith(all, { set: { 'referrer-policy': 'no-referrer' } }),
    [...NOSNIFF, ...FRAMES],
  ],
]

for (const [title, sent, asked, wanted] of cases)
  t.test(title, async t => {
    t.strictSame(added(sent, asked), wanted)
  })

t.test('a route without them has the rules that it had', async t => {
  const rules = { set: {}, remove: [] }
  t.equal(withFills(rules, []), rules)
})

t.test('an answer that says no media type is not to be taken by its word', async t => {
  const fields = ['Server', 'x']
  addMissing(fields, securityFills(routeWith(all)))
  t.strictSame(fields, ['Server', 'x', ...REFERRER, ...FRAMES])
})
