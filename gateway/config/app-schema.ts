/**
 * What the configuration says about the app behind a route beside its connections: how fast it should be, WebDAV, fixed
 * redirects, and what of its addresses must not be logged. Presets set the same keys.
 */
import { block, duration, flag, type Kind, list, map, switchable, text, UNWRITTEN, word } from './kinds.ts'
import { hstsBlock } from './tls-schema.ts'

const HOUR = 3_600_000

const slo = block(
  'slo',
  {
    good: duration({
      min: 1,
      max: HOUR,
      default: '500ms',
      description: 'An answer whose head comes within this time is a good one.',
    }),
    bad: duration({
      min: 1,
      max: HOUR,
      default: '2s',
      description: 'An answer whose head takes longer counts as a failure for who waits for it.',
    }),
  },
  { description: 'How fast answers should be; admission and tuner work towards it.' },
)

const webdav = block(
  'webdav',
  {
    destination: word(['keep', 'rewrite'], {
      default: 'rewrite',
      description:
        'rewrite = the addresses in Destination and If name the origin as it sees itself: its scheme, host and path. keep = as they came.',
    }),
  },
  { description: 'WebDAV (RFC 4918); `false` = keep.' },
)

/** Blocks and lists that describe the app, in the order of the documentation. */
export const appBlocks: Readonly<Record<'slo' | 'webdav' | 'redirects' | 'redact' | 'server_timing' | 'hsts', Kind>> = {
  slo,
  webdav: switchable(webdav, { destination: 'keep' }),
  redirects: switchable(
    map(text('redirectTo', { description: 'A path below that of the route, or an address.' }), {
      names: 'redirectFrom',
      default: {},
      description:
        'Paths that the gateway answers with 301 by itself. Both sides stand below the path of the route; the query is kept. `false` = none.',
    }),
    UNWRITTEN,
  ),
  redact: list(text('redactName', { description: 'A name, or a path.' }), {
    default: [],
    description:
      'Parameters whose value no log shows, beside those that are known as secrets; `/path/` hides the segment behind it.',
    examples: [['authSig', '/api/webhook/']],
  }),
  server_timing: flag({
    default: false,
    description: 'True = answers say in Server-Timing where their time went; anybody who gets them can read it.',
  }),
  hsts: hstsBlock,
}
