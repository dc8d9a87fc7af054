/** PORT ORIGIN PACKAGE: a package with the interface of node-http-proxy, over a keep-alive agent. */
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http'

interface ProxyServer {
  web(request: IncomingMessage, response: ServerResponse): unknown
  on(event: 'error', listener: (error: Error, request: IncomingMessage, response: ServerResponse) => void): unknown
}

interface ProxyPackage {
  createProxyServer(options: { target: string; agent: Agent; xfwd: boolean }): ProxyServer
}

const [port = '0', target = '', packageName = ''] = process.argv.slice(2)
const loaded = (await import(packageName)) as ProxyPackage & { default?: ProxyPackage }
const createProxyServer = loaded.createProxyServer ?? loaded.default?.createProxyServer
const proxy = createProxyServer({ target, agent: new Agent({ keepAlive: true }), xfwd: true })
proxy.on('error', (_error, _request, response) => void response.writeHead?.(502).end())
createServer((request, response) => void proxy.web(request, response)).listen(Number(port), '127.0.0.1')
// An orderly exit, so that `--cpu-prof` writes its file.
process.once('SIGTERM', () => process.exit(0))
