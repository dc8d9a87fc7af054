// Set-ups of the four apps for the drill of the doctor: right ones, and wrong ones each with the check that has to find it
// and the line that it has to give.

/** Ports of the running apps; `wiki-below` knows the prefix /wiki, `wiki-tls` has a certificate of its own making. */
export type Ports = Readonly<
  Record<
    'node-red' | 'tiddlywiki' | 'verdaccio' | 'flood' | 'wiki-below' | 'wiki-tls' | 'transmission' | 'none',
    number
  >
>

export interface SetUp {
  readonly name: string
  /** Settings of the route beside its name and host. */
  readonly route: Readonly<Record<string, unknown>>
  /** Path of the route; without it `/`. */
  readonly path?: string
}

export interface WrongSetUp extends SetUp {
  readonly title: string
  readonly check: string
  readonly line: RegExp
}

const at = (port: number, scheme = 'http'): string => `${scheme}://127.0.0.1:${port}`
const request = (rules: object) => ({ headers: { request: rules } })

/** Each app with nothing but its address, and with its preset. */
export function rightSetUps(ports: Ports): SetUp[] {
  const names = ['node-red', 'tiddlywiki', 'verdaccio', 'flood'] as const
  const bare = names.map(name => ({ name, route: { upstream: at(ports[name]) } }))
  const withPreset = [...names, 'transmission' as const].map(name => {
    return { name: `${name}-preset`, route: { upstream: at(ports[name]), preset: name } }
  })
  return [...bare, ...withPreset]
}

export function wrongSetUps(ports: Ports): WrongSetUp[] {
  const [nodeRed, wiki] = [at(ports['node-red']), at(ports.tiddlywiki)]
  const [verdaccio, flood] = [at(ports.verdaccio), at(ports.flood)]
  return [
    {
      name: 'port',
      title: 'a port where nothing listens',
      route: { upstream: at(ports.none), preset: 'node-red' },
      check: 'reach',
      line: /^upstream: http:\/\/127\.0\.0\.1:1880$/,
    },
    {
      name: 'https',
      title: 'https to an app of http',
      route: { upstream: at(ports.tiddlywiki, 'https') },
      check: 'reach',
      line: new RegExp(`^upstream: ${wiki}$`),
    },
    {
      name: 'http',
      title: 'http to an app of https',
      route: { upstream: at(ports['wiki-tls']) },
      check: 'reach',
      line: /^upstream: https:/,
    },
    {
      name: 'unknown',
      title: 'an app with a certificate that nobody signed',
      route: { upstream: at(ports['wiki-tls'], 'https') },
      check: 'certificate',
      line: /^tls: \{ pin: '[0-9a-f]{64}' \}$/,
    },
    {
      name: 'host',
      title: 'Host rewritten',
      route: { upstream: verdaccio, headers: { host: 'upstream' } },
      check: 'host',
      line: /^headers: \{ host: preserve \}$/,
    },
    {
      name: 'checked',
      title: 'a name that the app does not know',
      route: { upstream: at(ports.transmission) },
      check: 'host',
      line: /^headers: \{ host: upstream \}$/,
    },
    {
      name: 'stripped',
      title: 'a prefix stripped that the app needs',
      path: '/wiki',
      route: { upstream: at(ports['wiki-below']), rewrite_path: '/' },
      check: 'prefix',
      line: /^rewrite_path: \/wiki$/,
    },
    {
      name: 'unstripped',
      title: 'a prefix that the app does not know',
      path: '/red',
      route: { upstream: nodeRed },
      check: 'prefix',
      line: /^rewrite_path: \/$/,
    },
    {
      name: 'below',
      title: 'an app below a path that writes addresses from the root',
      path: '/npm',
      route: { upstream: verdaccio, rewrite_path: '/' },
      check: 'prefix',
      line: /^match: \{ host: verdaccio/,
    },
    {
      name: 'idle',
      title: 'an idle limit below the pauses of live data',
      route: { upstream: flood, limits: { idle_timeout: '5s' } },
      check: 'time-limits',
      line: /idle_timeout: 10m/,
    },
    {
      name: 'response',
      title: 'a response_timeout below the first event',
      route: { upstream: flood, limits: { response_timeout: '2s' } },
      check: 'time-limits',
      line: /response_timeout: 10m/,
    },
    {
      name: 'sockets',
      title: 'websocket_enabled: false',
      route: { upstream: nodeRed, protocol: { websocket_enabled: false } },
      check: 'websocket',
      line: /websocket_enabled: true/,
    },
    {
      name: 'untold',
      title: 'X-Forwarded-Proto taken off',
      route: { upstream: verdaccio, ...request({ remove: ['X-Forwarded-Proto'] }) },
      check: 'trusted-proxy',
      line: /remove: \[\]/,
    },
    {
      name: 'mixed',
      title: 'what that makes of the page',
      route: { upstream: verdaccio, ...request({ remove: ['X-Forwarded-Proto'] }) },
      check: 'mixed-content',
      line: /remove: \[\]/,
    },
    {
      name: 'lie',
      title: 'X-Forwarded-Proto that says http',
      route: { upstream: verdaccio, ...request({ set: { 'X-Forwarded-Proto': 'http' } }) },
      check: 'trusted-proxy',
      line: /X-Forwarded-Proto: '\{proto\}'/,
    },
    {
      name: 'small',
      title: 'body_size below the pictures of notes',
      route: { upstream: wiki, limits: { body_size: '1MB' } },
      check: 'upload',
      line: /body_size: none/,
    },
    {
      name: 'preset',
      title: 'the preset of another app',
      route: { upstream: flood, preset: 'node-red' },
      check: 'app',
      line: /^preset: flood$/,
    },
    {
      name: 'expired',
      title: 'a certificate of the gateway that has ended',
      route: { upstream: flood },
      check: 'certificate',
      line: /^tls: \{ cert: expired\.localhost\.pem/,
    },
    {
      name: 'nameless',
      title: 'a certificate of the gateway for other names',
      route: { upstream: flood },
      check: 'certificate',
      line: /^tls: \{ cert: nameless\.localhost\.pem/,
    },
  ]
}
