/**
 * What the configuration says about TLS towards clients: the certificates of a listener and where they come from, the
 * way from http to https, and HSTS (RFC 6797).
 */
import { block, duration, flag, integer, type Kind, list, listOrOne, switchable, text, word } from './kinds.ts'

const DAY = 86_400_000

/** Only browsers count this time, so it is not bound by what a timer can hold. */
const MAX_HSTS_MS = 3650 * DAY

const certificate = block(
  'tls',
  {
    cert: text('file', { description: 'PEM file of the certificate with its chain.' }),
    key: text('file', { description: 'PEM file of the private key.' }),
    local_ca: flag({
      description:
        "In place of files: certificates of the gateway's own authority, which `hearthgate trust` tells how to install.",
    }),
    acme: flag({ description: 'In place of files: certificates by ACME, with the account of the global key `acme`.' }),
    hosts: list(text('certificateHost', { description: 'A name, `*.name` or an address.' }), {
      atLeast: 1,
      description: 'Names that `local_ca` or `acme` get certificates for; without it the hosts of the routes.',
    }),
  },
  { description: 'A certificate and its key, or where the gateway gets them.' },
)

const eab = block(
  'eab',
  {
    key_id: text('secret', { description: 'The key identifier (kid) that the authority gave you.' }),
    hmac_file: text('file', { description: 'File that holds the HMAC key in base64url, as the authority gave it.' }),
  },
  {
    required: ['key_id', 'hmac_file'],
    absent: null,
    description:
      'External account binding (RFC 8555 §7.3.4), for authorities that give certificates to customers only.',
  },
)

const acme = block(
  'acme',
  {
    email: text('email', {
      description: 'Where the authority can reach you.',
      examples: ['me@example.org'],
    }),
    agree: flag({
      default: false,
      description: 'true = you have read and accept the terms of service of the authority.',
    }),
    directory: text('acmeDirectory', {
      default: 'letsencrypt',
      description: 'letsencrypt, letsencrypt-staging (for trying out), or the address of the directory of another one.',
    }),
    ca: text('file', {
      absent: null,
      description: 'PEM file of the authority that signed the certificate of the directory itself (one of your own).',
    }),
    challenge: word(['http-01', 'tls-alpn-01', 'dns-01'], {
      default: 'http-01',
      description:
        'How you prove that a name is yours: on the plain listener (port 80), on the TLS listener (port 443), or by a record in the DNS.',
    }),
    dns_hook: list(text('hookWord', { description: 'The command, then its first arguments.' }), {
      default: [],
      description:
        'Command that sets and takes back the record of dns-01: COMMAND … present|cleanup RECORD VALUE. Run without a shell.',
    }),
    dns_wait: duration({
      min: 0,
      max: 3_600_000,
      default: '0s',
      description: 'Time between the end of the command and the check by the authority.',
    }),
    eab,
  },
  { required: ['email', 'agree'], description: 'Certificates by ACME (RFC 8555).' },
)

export const acmeKind: Kind = switchable(acme, null, { absent: null })

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
