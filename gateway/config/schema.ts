/**
 * The whole configuration file as one schema: the global keys, `defaults` and the routes. Everything that the reader,
 * the editor's schema and the documentation say about a key is written here or in the files it puts together.
 */
import { resolveOptions } from '../../plugins/contract/index.ts'
import { proxyOptionsSchema } from '../../plugins/proxy/options.ts'
import { uplinkKind } from './admission-schema.ts'
import { storeKinds } from './cache-schema.ts'
import {
  block,
  duration,
  flag,
  integer,
  type Kind,
  list,
  listOrOne,
  ratio,
  short,
  size,
  switchable,
  text,
  word,
} from './kinds.ts'
import { routeBlocks } from './route-schema.ts'
import { acmeKind, listenerTls } from './tls-schema.ts'
import { formatDuration } from './units.ts'

const MINUTE = 60_000
const proxy = resolveOptions('proxy', proxyOptionsSchema, { upstream: 'demo' })
const port = (byDefault: number, description: string): Kind =>
  integer({ min: 0, max: 65535, default: byDefault, description: `${description}; 0 = any free one.` })

const listener = block(
  'listen',
  {
    host: text('bindHost', {
      default: '127.0.0.1',
      description:
        'Address to listen on: 127.0.0.1 = this machine only, 0.0.0.0 = every IPv4 address, "::" = IPv6 as well.',
    }),
    port: port(8080, 'Port'),
    ...listenerTls,
  },
  { description: 'A listener.' },
)

const admin = block(
  'admin',
  {
    host: text('bindHost', { default: '127.0.0.1', description: 'Address of the dashboard, the metrics and the API.' }),
    port: port(9900, 'Port of the dashboard, the metrics and the API'),
    token: text('secret', {
      secret: true,
      absent: null,
      description: 'Secret that a client has to send. Needed where `host` is not a loopback address.',
    }),
    hosts: list(text('hostName', { description: 'A host name.' }), {
      default: [],
      description: 'Further names under which the dashboard may be opened.',
    }),
  },
  { description: 'Dashboard, metrics and admin API.' },
)

const log = block(
  'log',
  {
    level: word(['trace', 'debug', 'info', 'warn', 'error', 'silent'], {
      default: 'info',
      description: 'Least weight of a message that is logged.',
    }),
    access: word(['json', 'combined', 'none'], { default: 'json', description: 'Form of the access log, on stderr.' }),
    sample: ratio({
      default: 1,
      description: 'Share of the requests that are logged; errors always are.',
    }),
  },
  { description: 'Logging, to stderr.' },
)

const tracing = block(
  'tracing',
  {
    context: word(['pass', 'make', 'off'], {
      default: 'pass',
      description:
        'traceparent and tracestate (W3C): pass = a valid one goes on as it came, an invalid one is replaced; make = one is begun where there is none; off = they are fields like others.',
    }),
    spans: flag({
      default: false,
      description: 'Spans for OpenTelemetry, of whatever SDK the process was started with. Read at the start only.',
    }),
  },
  { description: 'Distributed traces.' },
)

const wait = (byDefault: string, description: string): Kind =>
  duration({ min: 100, max: 24 * 60 * MINUTE, default: byDefault, description })

const limits = block(
  'limits',
  {
    header_size: size({
      min: 1024,
      max: 1024 ** 2,
      default: '32KiB',
      description: 'Largest head of a request, 431 above.',
    }),
    header_lines: integer({
      min: 10,
      max: 1000,
      default: 200,
      description: 'Most header lines of a request, 431 above.',
    }),
    header_timeout: wait('10s', 'Time to send the head of a request.'),
    body_idle: wait(
      formatDuration(proxy.bodyIdleMs),
      'Time without progress in the body of a request. There is no limit on the whole.',
    ),
    write_idle: wait('60s', 'Time that a client may read nothing while an answer waits for it.'),
    keep_alive: wait('65s', 'Idle time of the connection of a client.'),
    connections: integer({ min: 1, max: 1_000_000, default: 4096, description: 'Most connections of clients.' }),
    connections_per_address: integer({
      min: 1,
      max: 1_000_000,
      default: 256,
      description: 'Most connections of one client address (IPv6: of a /64). Loopback and trusted proxies are exempt.',
    }),
  },
  { description: "Limits of the clients' side." },
)

const redis = block(
  'redis',
  {
    url: text('redisUrl', {
      secret: true,
      description: 'Address of the server.',
      examples: ['redis://127.0.0.1:6379/6'],
    }),
  },
  { required: ['url'], description: 'Optional sink for metrics; off when absent.' },
)

const match = block(
  'match',
  {
    host: listOrOne(text('matchHost', { description: 'A host name, `*.name` or `*`.' }), {
      atLeast: 1,
      default: '*',
      description: 'Host names: exact, `*.name` (every name below it) or `*`. The most specific one wins.',
      examples: ['wiki.home.arpa', '*.home.arpa'],
    }),
    path: text('pathPrefix', {
      default: '/',
      description: 'Path prefix, on segment borders: `/notes` is `/notes` and `/notes/x`. The longest one wins.',
    }),
  },
  { description: 'Which requests belong to the route.' },
)

const origin = block(
  'upstream',
  {
    url: text('origin', { description: 'Address of the origin.' }),
    weight: integer({ min: 1, max: 1000, default: 1, description: 'Share of the requests.' }),
  },
  { required: ['url'], description: 'An origin with its weight.' },
)

export const routeSchema = block(
  'routes',
  {
    name: text('name', { description: 'Name of the route in logs, metrics and commands; unique.' }),
    match,
    upstream: listOrOne(short('url', origin, { description: 'An address, or one with its weight.' }), {
      atLeast: 1,
      absent: [],
      description:
        'Where requests go: `http://host:port`, `https://…`, `h2c://…`, `unix:PATH`, `builtin:demo`, or a list of them.',
      examples: ['http://127.0.0.1:3000', 'builtin:demo'],
    }),
    rewrite_path: text('pathPrefix', {
      absent: null,
      description: 'Replaces the matched prefix: with `/base`, `/notes/x` becomes `/base/x`; `/` strips the prefix.',
    }),
    preset: text('name', { absent: null, description: 'Bundle of settings for a known app.' }),
    deny: flag({ default: false, description: 'True = 403 for what matches, before every other route.' }),
    ...routeBlocks,
  },
  { required: ['name'], description: 'A route.' },
)

export const defaultsSchema = block('defaults', routeBlocks, {
  description: 'Blocks that hold for every route that does not say otherwise.',
})

export const configSchema = block(
  'file',
  {
    listen: listOrOne(listener, {
      atLeast: 1,
      default: [{}],
      description: 'Where the gateway listens: one listener or a list.',
    }),
    admin,
    trusted_proxies: list(text('network', { description: 'An address or a CIDR.' }), {
      default: [],
      description: 'Addresses whose X-Forwarded-* and Forwarded are believed; empty = nobody.',
      examples: [['192.168.1.2', '10.0.0.0/8']],
    }),
    workers: integer({
      min: 1,
      max: 256,
      words: { auto: 'auto' },
      default: 1,
      description: 'Processes; auto = one a core.',
    }),
    ...storeKinds,
    redis: switchable(redis, null, { absent: null }),
    state_dir: text('folder', {
      default: './state',
      description: "The gateway's own files: tuner ledger, certificates, runtime file.",
    }),
    acme: acmeKind,
    uplink: uplinkKind,
    log,
    tracing,
    limits,
    defaults: defaultsSchema,
    routes: list(routeSchema, {
      description:
        'The routes. Order does not matter: a deny first, then the most specific host, then the longest path.',
    }),
  },
  { required: ['routes'], description: 'Configuration of Hearthgate.' },
)
