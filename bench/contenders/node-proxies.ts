/** Proxies for Node as their READMEs set them up, each in a process of its own; those not installed are skipped. */
import { join } from 'node:path'
import { findPackage } from './installed.ts'
import type { Contender } from './types.ts'

interface NodeProxy {
  readonly name: string
  readonly package: string
  readonly about: string
  /** File in `servers/`, called with PORT, the origin's URL and the package's name. */
  readonly server: string
}

function nodeProxy(proxy: NodeProxy): Contender {
  const server = join(import.meta.dirname, 'servers', proxy.server)
  return {
    name: proxy.name,
    find: () => findPackage(proxy.package),
    proxy: {
      about: proxy.about,
      launch: ({ port, originPort }) => ({
        command: {
          file: process.execPath,
          args: [server, String(port), `http://127.0.0.1:${originPort}`, proxy.package],
        },
        files: new Map(),
      }),
    },
    cache: null,
  }
}

/** What this project was built around: @fastify/compress with its defaults before plain @fastify/http-proxy. */
export const fastifyCompress: Contender = {
  name: 'fastify-compress',
  find: () => findPackage('@fastify/compress'),
  proxy: null,
  cache: null,
  coding: {
    about: 'Fastify with @fastify/compress and plain @fastify/http-proxy, their defaults, no logger',
    codings: ['gzip', 'br', 'zstd'],
    launch: ({ port, originPort }) => ({
      command: {
        file: process.execPath,
        args: [
          join(import.meta.dirname, 'servers', 'fastify-compress.ts'),
          String(port),
          `http://127.0.0.1:${originPort}`,
        ],
      },
      files: new Map(),
    }),
  },
}

export const fastifyHttpProxy = nodeProxy({
  name: 'fastify-http-proxy',
  package: '@fastify/http-proxy',
  about: 'Fastify with plain @fastify/http-proxy, its defaults, no logger',
  server: 'fastify-http-proxy.ts',
})

export const fastifyReplyFrom = nodeProxy({
  name: 'fastify-reply-from',
  package: '@fastify/reply-from',
  about: 'Fastify with one route that calls `reply.from()`, its defaults, no logger',
  server: 'fastify-reply-from.ts',
})

/** Packages with the interface of node-http-proxy. */
export const httpProxyFamily: readonly Contender[] = ['http-proxy-3', 'http-proxy', 'httpxy'].map(name =>
  nodeProxy({
    name,
    package: name,
    about: `\`createProxyServer\` of ${name} with a keep-alive agent`,
    server: 'http-proxy-family.ts',
  }),
)
