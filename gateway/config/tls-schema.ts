/**
 * What the configuration says about TLS towards clients: the certificates of a listener and where they come from, the
 * way from http to https, and HSTS (RFC 6797).
 */
import { block, duration, flag, integer, type Kind, listOrOne, switchable, text } from './kinds.ts'

const DAY = 86_400_000

/** Only browsers count this time, so it is not bound by what a timer can hold. */
const MAX_HSTS_MS = 3650 * DAY

const certificate = block(
  'tls',
  {
    cert: text('file', { description: 'PEM file of the certificate with its chain.' }),
    key: text('file', { description: 'PEM file of the private key.' }),
  },
  { required: ['cert', 'key'], description: 'A certificate and its key.' },
)

/** Keys of a listener that have to do with TLS. */
export const listenerTls: Readonly<Record<'tls' | 'redirect', Kind>> = {
  tls: listOrOne(certificate, {
    atLeast: 1,
    absent: null,
    description:
      'Makes it https with HTTP/2 and HTTP/1.1. Several: chosen by the name the client asks for (SNI), the first is the default.',
  }),
  redirect: integer({
    min: 1,
    max: 65535,
    words: { https: 'https' },
    description:
      'Sends clients of this plain listener to https (308): `https` = to the port of the first listener with `tls`, a number = to this port, where another one is seen from outside.',
  }),
}

const hstsKeys = block(
  'hsts',
  {
    max_age: duration({
      min: 0,
      max: MAX_HSTS_MS,
      words: { none: 0 },
      default: '180d',
      description: 'How long browsers are to use nothing but https for this name; none = they forget about it.',
    }),
    include_subdomains: flag({ default: false, description: 'The same for every name below it.' }),
    preload: flag({
      default: false,
      description: 'Consent to the list that browsers ship: needs a year and subdomains, and is hard to take back.',
    }),
  },
  { description: 'Strict-Transport-Security, sent over https only and never for an address (RFC 6797).' },
)

export const hstsBlock: Kind = switchable(hstsKeys, false, { absent: false })
