/**
 * Who may come in, by address, password or the word of another server, for a route and for single paths of it. Times in
 * milliseconds.
 */
import { type Static, Type } from 'typebox'

const networks = (description: string) => Type.Array(Type.String(), { default: [], description })
const paths = (description: string) => Type.Array(Type.String(), { default: [], description })
const time = (byDefault: number, description: string) =>
  Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1, default: byDefault, description })

export const accessOptionsSchema = Type.Object(
  {
    allow: networks('Addresses and CIDRs that may come in; empty = everybody.'),
    deny: networks('Addresses and CIDRs that may not, whatever `allow` says.'),
    paths: Type.Array(
      Type.Object(
        {
          path: Type.String({ description: 'A path pattern; every reading of a path counts.' }),
          allow: networks('As above, for this path.'),
          deny: networks('As above, for this path.'),
        },
        { additionalProperties: false },
      ),
      { default: [], description: 'Further rules for single paths.' },
    ),
    bypass: paths('Paths that ask for no login: addresses for apps and links that bring their own key.'),
    basic: Type.Union(
      [
        Type.Object(
          {
            realm: Type.String({ default: 'home', description: 'What the browser shows.' }),
            users: Type.Record(Type.String(), Type.String(), { description: 'Hash of the password by name.' }),
            userField: Type.Union([Type.String(), Type.Null()], {
              default: null,
              description: 'Field by which the app learns the name; null = none.',
            }),
          },
          { additionalProperties: false },
        ),
        Type.Null(),
      ],
      { default: null, description: 'Passwords (RFC 7617).' },
    ),
    forward: Type.Union(
      [
        Type.Object(
          {
            url: Type.String({ description: 'Address that is asked for each request.' }),
            fields: Type.Array(Type.String(), {
              default: [],
              description: 'Fields of its answer by which the app learns who came.',
            }),
            timeoutMs: time(5_000, 'Time to its answer.'),
          },
          { additionalProperties: false },
        ),
        Type.Null(),
      ],
      { default: null, description: 'Another server that says who may come in.' },
    ),
    logins: Type.Object(
      {
        paths: paths('Paths whose requests, but for GET and HEAD, count as attempts to log in.'),
        attempts: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 20, description: 'Attempts in a window.' }),
        windowMs: time(60_000, 'Length of the window.'),
      },
      { additionalProperties: false, default: {}, description: 'Limit of attempts to log in, by address.' },
    ),
  },
  { additionalProperties: false },
)

export type AccessOptions = Static<typeof accessOptionsSchema>
