/**
 * An app as far as a gateway can tell: what it checks of a request before it does anything, and where it opens sockets.
 * Written after the documentation that the preset names, so that it refuses what the app would refuse.
 */
import type { IncomingMessage } from 'node:http'

/** A refusal as the app gives it; null = it goes on. */
export type Refusal = { readonly status: number; readonly says: string } | null

export interface AppModel {
  /** @param own name and port that the app listens on */
  check?(request: IncomingMessage, own: string): Refusal
  /** Beginnings of the paths on which the app opens WebSockets; null = on every path. */
  readonly sockets: readonly string[] | null
}

const fine: Refusal = null
const refuse = (status: number, says: string): Refusal => ({ status, says })

function one(request: IncomingMessage, name: string): string {
  const value = request.headers[name]
  return Array.isArray(value) ? value.join(', ') : (value ?? '')
}

/** Scheme and host that the app believes to be called by. */
function publicOrigin(request: IncomingMessage): string {
  return `${one(request, 'x-forwarded-proto') || 'http'}://${one(request, 'host')}`
}

const isWrite = (request: IncomingMessage): boolean => !['GET', 'HEAD', 'OPTIONS', undefined].includes(request.method)

function needsForwarded(request: IncomingMessage): Refusal {
  const missing = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host'].find(name => one(request, name) === '')
  return missing === undefined ? fine : refuse(400, `${missing} is missing`)
}

/** Origin, where there is one, names the host that the request is for. */
function sameOrigin(request: IncomingMessage, status: number): Refusal {
  const origin = one(request, 'origin')
  const isSame = origin === '' || (URL.canParse(origin) && new URL(origin).host === one(request, 'host'))
  return isSame ? fine : refuse(status, 'origin not allowed')
}

/** Called from another machine than its own: what every app here is told by the gateway. */
const PUBLIC = /^(?:app|sub)\.test$/

function knowsPublicName(request: IncomingMessage): Refusal {
  return PUBLIC.test(one(request, 'host')) ? needsForwarded(request) : refuse(400, 'access through untrusted domain')
}

const ownName = (says: string, status: number) => (request: IncomingMessage, own: string) =>
  one(request, 'host') === own ? fine : refuse(status, says)

export const models: Readonly<Record<string, AppModel>> = {
  nextcloud: { check: knowsPublicName, sockets: ['/push/', '/cool/'] },
  immich: {
    sockets: ['/api/socket.io'],
    check: request =>
      one(request, 'x-real-ip') === '' ? refuse(400, 'X-Real-IP is missing') : knowsPublicName(request),
  },
  jellyfin: {
    sockets: ['/socket'],
    check: request =>
      ['http', 'https'].includes(one(request, 'x-forwarded-protocol')) ? fine : refuse(400, 'X-Forwarded-Protocol'),
  },
  'home-assistant': {
    sockets: ['/api/websocket', '/api/hassio_ingress/'],
    check: request => {
      const addresses = one(request, 'x-forwarded-for').split(',')
      const isSound = addresses.every(address => /^[\d.:a-f]+$/.test(address.trim()))
      return isSound ? needsForwarded(request) : refuse(400, 'Invalid X-Forwarded-For')
    },
  },
  vaultwarden: {
    sockets: ['/notifications/hub', '/notifications/anonymous-hub'],
    check: request => (one(request, 'x-real-ip') === '' ? refuse(400, 'X-Real-IP') : knowsPublicName(request)),
  },
  'paperless-ngx': {
    sockets: ['/ws/status/'],
    check: request => {
      if (!isWrite(request) || !one(request, 'content-type').startsWith('application/x-www-form')) return fine
      const isOwn = one(request, 'origin') === publicOrigin(request)
      return isOwn && one(request, 'referer').startsWith(publicOrigin(request)) ? fine : refuse(403, 'CSRF')
    },
  },
  gitea: { check: knowsPublicName, sockets: ['/user/ws'] },
  syncthing: { check: ownName('Host check error', 403), sockets: [] },
  grafana: { check: request => (isWrite(request) ? sameOrigin(request, 403) : fine), sockets: ['/api/live/'] },
  'node-red': { sockets: ['/comms', '/dashboard/socket.io'] },
  navidrome: { sockets: [] },
  audiobookshelf: { sockets: ['/socket.io', '/audiobookshelf/socket.io'] },
  'code-server': { check: request => sameOrigin(request, 403), sockets: null },
  'uptime-kuma': {
    sockets: ['/socket.io/'],
    check: request => (request.url?.startsWith('/socket.io/') ? sameOrigin(request, 403) : fine),
  },
  'adguard-home': { sockets: [] },
  'pi-hole': { sockets: [] },
  frigate: { sockets: ['/ws', '/live/jsmpeg/', '/live/mse/api/ws', '/live/webrtc/api/ws'] },
  qbittorrent: {
    sockets: [],
    check: (request, own) => {
      const foreign = ['origin', 'referer'].some(name => one(request, name) !== '' && !one(request, name).includes(own))
      return one(request, 'host') === own && !foreign ? fine : refuse(401, 'Unauthorized')
    },
  },
  transmission: {
    sockets: [],
    check: request => (/^[\d.]+(?::\d+)?$/.test(one(request, 'host')) ? fine : refuse(421, 'Misdirected Request')),
  },
  radicale: { sockets: [] },
  tiddlywiki: {
    sockets: [],
    check: request =>
      isWrite(request) && one(request, 'x-requested-with') !== 'TiddlyWiki' ? refuse(403, 'X-Requested-With') : fine,
  },
  verdaccio: { check: knowsPublicName, sockets: [] },
  flood: { sockets: [] },
}
