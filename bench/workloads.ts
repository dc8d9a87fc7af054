/** What is asked of every contender: each workload is one kind of request in a closed loop over kept connections. */
import { binaryBody, jsonBody, pageBody } from './payloads.ts'

export interface Workload {
  readonly name: string
  readonly title: string
  /** `static` serves the files of `STATIC_FILES`; `echo` answers with the request's body once it has read all of it. */
  readonly origin: 'static' | 'echo'
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly connections: number
  readonly requestBody: Buffer | null
  /** What every answer must hold, byte for byte. */
  readonly answerBody: Buffer
}

export interface StaticFile {
  readonly type: string
  readonly body: Buffer
}

const KIB = 1024
const small = jsonBody(KIB)
const large = binaryBody(KIB * KIB)
const page = pageBody(10 * KIB)
const posted = binaryBody(10 * KIB)

/** File name (no folders) to what the static origin serves under it. */
export const STATIC_FILES: ReadonlyMap<string, StaticFile> = new Map([
  ['small.json', { type: 'application/json', body: small }],
  ['large.bin', { type: 'application/octet-stream', body: large }],
  ['page.html', { type: 'text/html', body: page }],
])

function get(name: string, title: string, file: string, connections: number): Workload {
  const answerBody = STATIC_FILES.get(file)!.body
  return { name, title, origin: 'static', method: 'GET', path: `/${file}`, connections, requestBody: null, answerBody }
}

export const WORKLOADS: readonly Workload[] = [
  get('small', 'GET 1 KiB JSON, 50 connections', 'small.json', 50),
  get('one', 'GET 1 KiB JSON, 1 connection', 'small.json', 1),
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
  },
  get('page', 'GET 10 KiB HTML, 50 connections', 'page.html', 50),
]

/** Those that run when none is named. */
export const DEFAULT_WORKLOADS: readonly string[] = ['small', 'one', 'large', 'post']
