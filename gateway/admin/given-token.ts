/**
 * The token that a request brings: as `Bearer`, for programs, or as the password of `Basic` (RFC 7617) whatever the name,
 * since that is what a browser can ask a person for and then sends with everything, event streams included. Pure.
 */

export function givenToken(authorization: string | undefined): string {
  const [, scheme = '', rest = ''] = /^(\S+) +(\S+)$/.exec(authorization ?? '') ?? []
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return rest
    case 'basic': {
      const pair = Buffer.from(rest, 'base64').toString('utf8')
      return pair.slice(pair.indexOf(':') + 1)
    }
    default:
      return ''
  }
}

/** What a 401 asks for; the first is for browsers. */
export const CHALLENGES = ['Basic realm="Hearthgate: any name, and the token", charset="UTF-8"', 'Bearer']
