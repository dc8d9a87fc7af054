/**
 * What the configuration says about who may come in: the block `access` of a route.
 */
import { block, duration, integer, type Kind, list, map, switchable, text } from './kinds.ts'

const HOUR = 3_600_000

const networks = (description: string): Kind =>
  list(text('network', { description: 'An address or a CIDR.' }), {
    default: [],
    description,
    examples: [['192.168.0.0/16', 'fd00::/8']],
  })

const allow = networks('Addresses that may come in; empty = everybody.')
const deny = networks('Addresses that may not, whatever `allow` says.')

const basic = block(
  'basic',
  {
    realm: text('fieldValue', { lenient: true, default: 'home', description: 'What the browser shows.' }),
    users: map(
      text('passwordHash', {
        secret: true,
        description: 'Hash: scrypt as `hearthgate password` prints it, argon2id, bcrypt or apr1.',
      }),
      {
        names: 'userName',
        description: 'Name and hash of the password of each user.',
      },
    ),
    user_header: text('fieldName', {
      absent: null,
      description: 'Field by which the app learns the name: X-Remote-User.',
    }),
  },
  { required: ['users'], description: 'Passwords (RFC 7617).' },
)

const forward = block(
  'forward',
  {
    url: text('httpUrl', {
      description: 'Address that is asked for each request.',
      examples: ['http://authelia:9091/api/authz/forward-auth'],
    }),
    headers: list(text('fieldName', { description: 'Name of a field.' }), {
      default: [],
      description: 'Fields of its answer by which the app learns who came; a client can never set them.',
      examples: [['Remote-User', 'Remote-Groups', 'Remote-Email']],
    }),
    timeout: duration({ min: 100, max: HOUR, default: '5s', description: 'Time to its answer; 503 after it.' }),
  },
  { required: ['url'], description: 'Another server that says who may come in: Authelia, Authentik, oauth2-proxy.' },
)

const paths = (description: string): Kind =>
  list(text('pathPattern', { description: 'A path.' }), { default: [], description })

export const accessBlock = switchable(
  block(
    'access',
    {
      allow,
      deny,
      paths: map(block('paths', { allow, deny }, { description: 'Who may come to this path.' }), {
        names: 'pathPattern',
        default: {},
        description: 'Further rules for single paths below that of the route; every reading of a path counts.',
      }),
      basic: switchable(basic, null, { absent: null }),
      forward: switchable(forward, null, { absent: null }),
      bypass: paths('Paths that ask for no login, for apps and links that bring their own key.'),
      logins: block(
        'logins',
        {
          paths: paths('Paths whose requests, but for GET and HEAD, count as attempts to log in.'),
          attempts: integer({ min: 1, max: 1_000_000, default: 20, description: 'Attempts of an address in `per`.' }),
          per: duration({ min: 1000, max: 24 * HOUR, default: '1m', description: 'Length of the window; 429 above.' }),
        },
        { description: 'Limit of attempts to log in; passwords of `basic` count as well.' },
      ),
    },
    { description: 'Who may come in, by address, password or the word of another server.' },
  ),
  false,
  { absent: false },
)
