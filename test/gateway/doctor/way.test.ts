/** The way to the app, and what the app is told: each case is one thing that is wrong, with the line that cures it. */
import t from 'tap'
import type { Trial } from '../../../gateway/doctor/facts.ts'
import { judgeRoute } from '../../../gateway/doctor/judge.ts'
import {
  answerOf,
  appSaid,
  factsOf,
  failure,
  findsEach,
  gatewayDoes,
  knownApp,
  no,
  none,
  ok,
  pageWith,
  pair,
  talkOf,
  visited,
  well,
} from './support.ts'

const { origin } = well.origins[0]!
const away = { around: null, through: null }
const closed = { origins: [{ origin, seen: none('ECONNREFUSED'), better: null }], ...away }
const plainTls = {
  origins: [{ origin, seen: none('EPROTO'), better: { url: 'https://127.0.0.1:3000', why: '' } }],
  ...away,
}
const below = 'match: { path: /wiki }'
const stripped = [below, 'rewrite_path: /']
const rewritten = ['headers: { host: upstream }']
const untold = ['headers: { request: { remove: [X-Forwarded-Proto, X-Other] } }']
const refused = (status: number) => appSaid({ named: answerOf(status), forwarded: answerOf(status) })
const { forwarding } = well.expected!
const without = (name: string) => gatewayDoes({ forwarding: forwarding.filter(field => field[0] !== name) })
const lie = gatewayDoes({
  forwarding: forwarding.map(([name, value]) => [name, name.endsWith('proto') ? 'http' : value] as const),
})
const shows = (src: string) => ({ page: pageWith(`<script src="${src}"></script>`) })
const allows = (policy: string) => visited(answerOf(200, { 'Content-Security-Policy': policy }))
const upgraded = (status: number) => ({ upgrades: [pair(talkOf(101), talkOf(status))] })

const closer = (more: Partial<Trial>) => ({ strict: [{ target: '/x', alone: ok, named: ok, forwarded: ok, ...more }] })

findsEach(t, [
  ['a port where nothing listens', factsOf([], closed), 'reach', 'fail', /^upstream: http:\/\/127\.0\.0\.1:PORT$/],
  ['the same of a known app', factsOf(['preset: node-red'], closed), 'reach', 'fail', /:1880$/],
  ['the wrong scheme', factsOf([], plainTls), 'reach', 'fail', /^upstream: https:\/\/127\.0\.0\.1:3000$/],
  [
    'a deny rule',
    factsOf([], gatewayDoes({ route: 'x', refusal: { status: 403, message: '' } })),
    'gateway',
    'fail',
    /^deny: false$/,
  ],
  ['another route', factsOf([], gatewayDoes({ route: 'x' })), 'gateway', 'fail', /^match: \{ host: /],
  [
    'an answer that the app does not give',
    factsOf([], visited(failure(502, 'HG_UPSTREAM_RESET'))),
    'gateway',
    'fail',
    /^hearthgate explain GET https:\/\/wiki\.test:8443\/ --live$/,
  ],
  [
    'a prefix that is stripped and needed',
    factsOf(stripped, { ...appSaid({ forwarded: no }), mount: { unstripped: ok, stripped: null } }),
    'prefix',
    'fail',
    /^rewrite_path: \/wiki$/,
  ],
  [
    'a prefix that the app does not know',
    factsOf([below], { ...appSaid({ forwarded: no }), mount: { unstripped: null, stripped: ok } }),
    'prefix',
    'fail',
    /^rewrite_path: \/$/,
  ],
  [
    'a page that leaves its prefix',
    factsOf(stripped, shows('/app.js')),
    'prefix',
    'fail',
    /^match: \{ host: wiki\.home\.arpa \}$/,
  ],
  [
    'a redirect that leaves its prefix',
    factsOf([below], visited(ok, 'https://wiki.test:8443/login')),
    'prefix',
    'fail',
    /^match: /,
  ],
  ['a name that the app refuses', factsOf([], refused(403)), 'host', 'fail', /^headers: \{ host: upstream \}$/],
  [
    'a name that Nextcloud refuses',
    factsOf([], { known: knownApp('nextcloud'), ...refused(400) }),
    'host',
    'fail',
    /trusted_domains.*wiki\.test:8443/,
  ],
  [
    'a name that Transmission refuses to its programs only',
    factsOf([], { known: knownApp('transmission'), ...closer({ alone: answerOf(409), named: answerOf(421) }) }),
    'host',
    'fail',
    /^headers: \{ host: upstream \}$/,
  ],
  [
    'a gateway that Home Assistant does not trust at a closer look',
    factsOf([], { known: knownApp('home-assistant'), ...closer({ forwarded: answerOf(400) }) }),
    'trusted-proxy',
    'fail',
    /trusted_proxies/,
  ],
  [
    'a Host that is rewritten and refused',
    factsOf(rewritten, appSaid({ named: answerOf(421), forwarded: answerOf(421), publicName: ok })),
    'host',
    'fail',
    /^headers: \{ host: preserve \}$/,
  ],
  [
    'an address of the inside in the page',
    factsOf(rewritten, shows('http://127.0.0.1:3000/app.js')),
    'host',
    'fail',
    /^headers: \{ host: preserve \}$/,
  ],
  [
    'a Host that the app wants to be the public one',
    factsOf(rewritten, { known: knownApp('verdaccio') }),
    'host',
    'warn',
    /^headers: \{ host: preserve \}$/,
  ],
  [
    'an origin that Grafana refuses',
    factsOf([], { known: knownApp('grafana'), ...upgraded(403) }),
    'origin-check',
    'fail',
    /^root_url = https:\/\/wiki\.test:8443\/$/,
  ],
  ['an origin that an unknown app refuses', factsOf([], upgraded(403)), 'origin-check', 'fail', /remove: \[Origin\]/],
  [
    'an origin that is refused under another Host',
    factsOf(rewritten, { ...upgraded(403), ...gatewayDoes({ host: '127.0.0.1:3000' }) }),
    'origin-check',
    'fail',
    /^headers: \{ host: preserve \}$/,
  ],
  [
    'a gateway that Home Assistant does not trust',
    factsOf([], {
      known: knownApp('home-assistant'),
      ...appSaid({ forwarded: answerOf(400), gatewayAddress: '10.0.0.5' }),
    }),
    'trusted-proxy',
    'fail',
    /trusted_proxies: \[10\.0\.0\.5\]/,
  ],
  [
    'a gateway that an unknown app does not trust',
    factsOf([], appSaid({ forwarded: answerOf(400) })),
    'trusted-proxy',
    'fail',
    /^127\.0\.0\.1$/,
  ],
  [
    'a scheme that is kept from the app',
    factsOf(untold, without('x-forwarded-proto')),
    'trusted-proxy',
    'fail',
    /remove: \[X-Other\]/,
  ],
  ['a scheme that is a lie', factsOf([], lie), 'trusted-proxy', 'fail', /X-Forwarded-Proto: '\{proto\}'/],
  [
    'a scheme that the app does not believe',
    factsOf([], { known: knownApp('nextcloud'), ...shows('http://wiki.test/app.js') }),
    'trusted-proxy',
    'fail',
    /trusted_proxies/,
  ],
  [
    'a scheme that the app does not believe, in its policy',
    factsOf([], allows("connect-src 'self' ws://wiki.test:8443")),
    'trusted-proxy',
    'fail',
    /^127\.0\.0\.1$/,
  ],
  [
    'the preset of another app',
    factsOf(['preset: flood'], { known: knownApp('node-red') }),
    'app',
    'fail',
    /^preset: node-red$/,
  ],
  ['an app without its preset', factsOf([], { known: knownApp('node-red') }), 'app', 'pass', /^preset: node-red$/],
])

t.test('a policy that names the address with TLS, or another, says nothing of trust', async t => {
  for (const policy of [
    'connect-src ws://wiki.test:8443 wss://wiki.test:8443',
    'img-src http://cdn.test',
    "default-src 'self'",
  ]) {
    const finding = judgeRoute(factsOf([], allows(policy))).find(({ check }) => check === 'trusted-proxy')
    t.equal(finding?.status, 'skip', policy)
  }
})

t.test('an app that is slow for a moment is not told to trust, and the gateway not to be wrong', async t => {
  const late = none('TIMEOUT')
  for (const around of [{ forwarded: late }, { named: late }, { named: late, forwarded: late }]) {
    const findings = judgeRoute(factsOf([], appSaid(around)))
    t.match(
      findings.find(({ check }) => check === 'trusted-proxy'),
      { status: 'skip', reason: /too slow/ },
    )
    t.equal(findings.find(({ check }) => check === 'gateway')?.status, 'pass')
  }
  const cut = judgeRoute(factsOf([], appSaid({ forwarded: none('ECONNRESET') })))
  t.equal(cut.find(({ check }) => check === 'trusted-proxy')?.status, 'fail', 'who cuts the connection does refuse')
})
