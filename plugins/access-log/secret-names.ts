/**
 * Which names of parameters and header fields belong to secrets, however they are spelled. Hiding too much is harmless
 * here, hiding too little is not.
 */
import { decodeAscii, MAX_DECODINGS } from './percent.ts'

/** Names that are a secret as a whole; among them the user, token, salt and password of Subsonic. */
const EXACT = new Set(
  'key code auth session sig pass pwd u t s p sid otp pin ticket psk authcode devicecode usercode samlresponse'.split(
    ' ',
  ),
)

/** Ends of names: `access_token`, `X-Plex-Token`, `client_secret`, `X-Amz-Signature`, `PHPSESSID`. */
const ENDS =
  'token secret password passwd passphrase passcode apikey accesskey secretkey privatekey authkey sessionkey signature sessionid sessid authorization credential credentials jwt assertion'.split(
    ' ',
  )

/** Parts of header names. */
const FIELD_PARTS = 'authorization cookie token secret password apikey authkey credential session jwt signature'.split(
  ' ',
)

/**
 * Whether a query or path parameter is a secret. `name` as it stands in the URL: escapes, case, punctuation and
 * brackets (`user[password]`) make no difference. `more`: stems that are secrets as well.
 */
export function isSecretParameter(name: string, more?: ReadonlySet<string>): boolean {
  let plain = name
  for (let i = 0; i < MAX_DECODINGS && plain.includes('%'); i++) plain = decodeAscii(plain)
  const end = plain.indexOf('\0')
  return splitStems(end === -1 ? plain : plain.slice(0, end)).some(stem => isSecretStem(stem) || more?.has(stem))
}

/** A name in the form that names are compared in: letters and digits, lower case. */
export function stemOf(name: string): string {
  return splitStems(name).join('')
}

/** Whether the value of a header field is a secret; the case of `name` makes no difference. */
export function isSecretField(name: string): boolean {
  const stem = splitStems(name).join('')
  return stem === 'xauth' || FIELD_PARTS.some(part => stem.includes(part))
}

function isSecretStem(stem: string): boolean {
  return EXACT.has(stem) || ENDS.some(end => stem.endsWith(end))
}

/** Letters and digits in lower case, parted at brackets and dots; and all of it as one, for `api.key`. */
function splitStems(name: string): string[] {
  const stems: string[] = []
  let stem = ''
  for (const char of name.toLowerCase()) {
    if ((char >= 'a' && char <= 'z') || (char >= '0' && char <= '9')) stem += char
    else if ((char === '[' || char === ']' || char === '.') && stem !== '') {
      stems.push(stem)
      stem = ''
    }
  }
  if (stem !== '') stems.push(stem)
  if (stems.length > 1) stems.push(stems.join(''))
  return stems
}
