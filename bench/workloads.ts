/** What is asked of every contender: each workload is one kind of request over kept connections. */
import { binaryBody, jsonBody, pageBody, readingsBody } from './payloads.ts'

export interface Workload {
  readonly name: string
  readonly title: string
  /** `static` serves the files of `STATIC_FILES`; `echo` answers with the request's body once it has read all of it. */
  readonly origin: 'static' | 'echo'
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly connections: number
  readonly requestBody: Buffer | null
  /** Body of the origin's answers, byte for byte. */
  readonly answerBody: Buffer
  /** Null: contenders only proxy, and the origin forbids to store. */
  readonly cache: CacheUse | null
  /** HTTP/2 over TLS, so many requests at a time on each connection; null = plain HTTP/1.1. */
  readonly streams: number | null
  /** Requests a second whatever is answered; null = each connection asks again as soon as it has its answer. */
  readonly perSecond: number | null
  /** What the client offers, and every answer is to be encoded with on its way; null = no compression. */
  readonly coding: Coding | null
}

export type Coding = 'gzip' | 'br' | 'zstd'

export interface CacheUse {
  /**
   * `hit`: every answer comes from the cache. `not-modified`: the same for a client that has it already: 304, no body.
   * `miss`: every request asks for a new URL, whose answer is stored.
   */
  readonly answers: 'hit' | 'not-modified' | 'miss'
  /** Where the answers are to be held. */
  readonly place: StorePlace
  /** How long the origin lets its answers be stored, seconds. */
  readonly maxAgeSeconds: number
}

export type StorePlace = 'memory' | 'disk'

export interface StaticFile {
  readonly type: string
  readonly body: Buffer
}

const KIB = 1024
const small = jsonBody(KIB)
const large = binaryBody(KIB * KIB)
const page = pageBody(10 * KIB)
const posted = binaryBody(10 * KIB)
const readings = readingsBody(100 * KIB)

/** File name (no folders) to what the static origin serves under it. */
export const STATIC_FILES: ReadonlyMap<string, StaticFile> = new Map([
  ['small.json', { type: 'application/json', body: small }],
  ['large.bin', { type: 'application/octet-stream', body: large }],
  ['page.html', { type: 'text/html', body: page }],
  ['readings.json', { type: 'application/json', body: readings }],
])

/** Of every file of the static origin. */
export const ENTITY_TAG = '"bench"'

/** Longer than any run. */
const HOUR_SECONDS = 3600
const hit: CacheUse = { answers: 'hit', place: 'memory', maxAgeSeconds: HOUR_SECONDS }

/** About half of what the gateway does on one core of a small machine. */
const RATE = 2_000

function get(name: string, title: string, file: string, connections: number): Workload {
  const answerBody = STATIC_FILES.get(file)!.body
  const request = { method: 'GET', path: `/${file}`, connections, requestBody: null } as const
  return {
    name,
    title,
    origin: 'static',
    ...request,
    answerBody,
    cache: null,
    perSecond: null,
    streams: null,
    coding: null,
  }
}

/** Not to be stored, so that each answer is encoded anew. */
function coded(coding: Coding): Workload {
  const title = `100 KiB JSON encoded on its way with ${coding}, 16 connections`
  return { ...get(coding, title, 'readings.json', 16), coding }
}

export const WORKLOADS: readonly Workload[] = [
  get('small', 'GET 1 KiB JSON, 50 connections', 'small.json', 50),
  get('one', 'GET 1 KiB JSON, 1 connection', 'small.json', 1),
  {
    ...get('rate', `GET 1 KiB JSON, ${RATE} a second whatever is answered, 64 connections`, 'small.json', 64),
    perSecond: RATE,
  },
  { ...get('h2', 'GET 1 KiB JSON over TLS and HTTP/2, 4 connections of 8 streams', 'small.json', 4), streams: 8 },
  get('large', 'GET 1 MiB, 16 connections', 'large.bin', 16),
  {
    name: 'post',
    title: 'POST 10 KiB echo, 50 connections',
    origin: 'echo',
    method: 'POST',
    path: '/echo',
    connections: 50,
    requestBody: posted,
    answerBody: posted,
    cache: null,
    perSecond: null,
    streams: null,
    coding: null,
  },
  get('page', 'GET 10 KiB HTML, 50 connections', 'page.html', 50),
  { ...get('hit', 'cache hit, 10 KiB HTML, 50 connections', 'page.html', 50), cache: hit },
  {
    ...get('304', 'cache hit, If-None-Match answered 304, 50 connections', 'page.html', 50),
    cache: { ...hit, answers: 'not-modified' },
  },
  {
    ...get('miss', 'cache miss, a new URL each, 10 KiB HTML stored, 50 connections', 'page.html', 50),
    cache: { answers: 'miss', place: 'memory', maxAgeSeconds: 60 },
  },
  {
    ...get('disk', 'cache hit from disk, 1 MiB, 16 connections', 'large.bin', 16),
    cache: { ...hit, place: 'disk' },
  },
  coded('gzip'),
  coded('br'),
  coded('zstd'),
  {
    ...coded('gzip'),
    name: 'hit-gzip',
    title: 'cache hit, 100 KiB JSON to clients that take gzip, 16 connections',
    cache: hit,
  },
  { ...get('large-hit', 'cache hit, 1 MiB, 16 connections', 'large.bin', 16), cache: hit },
]

/** Those that run when none is named. */
export const DEFAULT_WORKLOADS: readonly string[] = ['small', 'one', 'large', 'post', 'hit', '304', 'miss', 'disk']

/** Header fields of each request beside those of every client. */
export function requestHeadersOf({ cache, coding }: Workload): Readonly<Record<string, string>> {
  if (coding !== null) return { 'accept-encoding': coding }
  return cache?.answers === 'not-modified' ? { 'if-none-match': ENTITY_TAG } : {}
}

/** Bytes of the body of each answer that the load gets. */
export function answerBytesOf({ cache, answerBody }: Workload): number {
  return cache?.answers === 'not-modified' ? 0 : answerBody.length
}

/** The origin's `Cache-Control`. */
export function cacheControlOf({ cache }: Workload): string {
  return cache === null ? 'no-store' : `max-age=${cache.maxAgeSeconds}`
}
