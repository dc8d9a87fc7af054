/**
 * What the configuration says about the fields that tell browsers to be careful: the block `security_headers` of a route.
 */
import { block, flag, list, switchable, text, word } from './kinds.ts'

/** Referrer Policy §3, without the two that tell more than browsers do by themselves. */
const POLICIES = [
  'off',
  'no-referrer',
  'origin',
  'origin-when-cross-origin',
  'same-origin',
  'strict-origin',
  'strict-origin-when-cross-origin',
]

export const securityBlock = switchable(
  block(
    'security_headers',
    {
      nosniff: flag({ default: true, description: 'X-Content-Type-Options: nosniff. Browsers believe Content-Type.' }),
      referrer: word(POLICIES, {
        default: 'strict-origin-when-cross-origin',
        description: 'Referrer-Policy: what other sites learn of the address that a link was followed from.',
      }),
      frames: list(text('webOrigin', { description: 'Origin of a page that may show the app in a frame.' }), {
        words: { same_origin: 'same_origin', deny: 'deny', any: 'any' },
        default: 'same_origin',
        description:
          'Who may show the app in a frame: its own pages, nobody, everybody, or its own pages and those of a list of origins.',
        examples: [['https://dash.home.arpa'], 'deny'],
      }),
    },
    { description: 'Fields that tell browsers to be careful, on answers of apps that send none of their own.' },
  ),
  false,
  { absent: false },
)
