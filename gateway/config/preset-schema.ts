/**
 * What a preset is: a bundle of settings of a route, what to write into the app itself, and the contract that the
 * settings keep, line by line with the source of its rule. The lines are run against the gateway by the test suite.
 */
import { block, integer, list, map, text, word } from './kinds.ts'
import { defaultsSchema } from './schema.ts'

/** What a line of a contract says; each word has its test. */
export const PROMISES = [
  'accepts',
  'answers',
  'asks_again',
  'continues',
  'hides',
  'keeps',
  'limits',
  'moves',
  'once',
  'ranges',
  'redirects',
  'sends',
  'streams',
  'strips',
  'tags',
  'untouched',
  'upgrades',
  'uploads',
  'waits',
] as const

const line = (description: string) => text('fieldValue', { lenient: true, description })

const advice = block(
  'app',
  {
    where: line('File, page or variable of the app.'),
    line: line('What stands there, with GATEWAY for the address of the gateway and PUBLIC for the public host.'),
    why: line('What goes wrong without it.'),
  },
  { required: ['where', 'line', 'why'], description: 'A line of the configuration of the app.' },
)

const promise = block(
  'contract',
  {
    rule: line('The line in words.'),
    source: line('Where the rule comes from: a name of `sources`, or the address of a page.'),
    promise: word(PROMISES, { description: 'What is tested.' }),
    method: line('Method of the request; GET without it.'),
    path: line('Target of the request, with its query.'),
    field: line('Name of a header field.'),
    value: line('What is found there.'),
    seconds: integer({ min: 1, max: 86_400, description: 'Time that passes.' }),
    size: line('Length of a body, in bytes.'),
  },
  { required: ['rule', 'source', 'promise'], description: 'A line of the contract.' },
)

export const presetSchema = block(
  'preset',
  {
    preset: text('name', { description: 'Name, as that of the file.' }),
    version: integer({ min: 1, max: 10_000, description: 'One more with each change of the settings.' }),
    title: line('Name of the app.'),
    ports: list(integer({ min: 1, max: 65_535, description: 'A port.' }), {
      default: [],
      description: 'Ports that the app listens on by default.',
    }),
    unsafe_ports: map(line('Why the gateway must not lead there.'), {
      names: null,
      default: {},
      description: 'Ports of the app that the gateway must not lead to.',
    }),
    sources: map(line('Address of a page.'), { names: 'name', default: {}, description: 'Where the rules come from.' }),
    route: defaultsSchema,
    app: list(advice, { default: [], description: 'What to write into the configuration of the app.' }),
    contract: list(promise, { description: 'What holds.' }),
  },
  { required: ['preset', 'version', 'title', 'sources', 'route', 'contract'], description: 'A preset.' },
)
