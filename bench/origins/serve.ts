/**
 * An origin in Node: PORT static|echo CACHE-CONTROL. `static` serves the workloads' files (where nginx is not
 * installed), `echo` answers with the request's body after reading all of it. COUNT_PATH tells how many requests came.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { COUNT_PATH } from '../origin.ts'
import { ENTITY_TAG, STATIC_FILES } from '../workloads.ts'

const [port = '0', kind = 'static', cacheControl = 'no-store'] = process.argv.slice(2)
let requests = 0

function serveStatic(request: IncomingMessage, response: ServerResponse): void {
  const [path = '/'] = (request.url ?? '/').split('?', 1)
  const file = STATIC_FILES.get(path.slice(1))
  if (file === undefined) return void response.writeHead(404).end()
  const { type, body } = file
  const headers = { 'content-type': type, 'content-length': body.length, 'cache-control': cacheControl }
  response.writeHead(200, { ...headers, etag: ENTITY_TAG }).end(body)
}

function serveEcho(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const body = Buffer.concat(chunks)
    const type = 'application/octet-stream'
    response
      .writeHead(200, { 'content-type': type, 'content-length': body.length, 'cache-control': cacheControl })
      .end(body)
  })
}

const serve = kind === 'echo' ? serveEcho : serveStatic
const server = createServer((request, response) => {
  if (request.url === COUNT_PATH) return void response.end(String(requests))
  requests++
  serve(request, response)
})
// Longer than a whole run: a contender's kept connections must outlive the rounds of the others.
server.keepAliveTimeout = 3_600_000
server.listen(Number(port), '127.0.0.1')
